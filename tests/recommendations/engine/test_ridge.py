from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import nnls

from recommendations.engine.matrix import preference_matrix
from recommendations.engine.models import ItemNeighbours
from recommendations.engine.ridge import LocalRidge, nonnegative_least_squares

NOW = 100 * 86_400.0


def test_the_solver_agrees_with_an_exact_one():
    random = np.random.default_rng(1)
    factors = random.random((5, 30, 12)) * (random.random((5, 30, 12)) < 0.3)
    gram = np.einsum("nki,nkj->nij", factors, factors) + np.eye(12)
    right = np.einsum("nki,nk->ni", factors, random.random((5, 30)))
    found = nonnegative_least_squares(
        gram.astype(np.float32), right.astype(np.float32), iterations=500
    )
    for system in range(5):
        root = np.linalg.cholesky(gram[system])
        exact, _ = nnls(root.T, np.linalg.solve(root, right[system]))
        np.testing.assert_allclose(found[system], exact, atol=1e-4)


def test_weights_solve_the_documented_problem(shop):
    matrix = preference_matrix(shop)
    ridge = LocalRidge(matrix, user_exponent=0.25, penalty=20.0, diagonal_penalty=0.2)
    target = 7
    ridge.refine(np.array([target]))
    scale = np.asarray(matrix.sum(axis=1)).ravel() ** -0.125
    scaled = (sparse.diags(scale) @ matrix).toarray()
    gram = scaled.T @ scaled
    near = np.array([item for item in range(shop.n_items) if item != target])
    system = gram[np.ix_(near, near)]
    system = system + 20.0 * np.eye(near.size) + 0.2 * np.diag(np.diag(system))
    root = np.linalg.cholesky(system)
    exact, _ = nnls(root.T, np.linalg.solve(root, gram[near, target]))
    found = ridge.table().toarray()[near, target]
    np.testing.assert_allclose(found, exact, atol=2e-3)


def test_order_threads_and_interruptions_change_nothing(shop):
    matrix = preference_matrix(shop)
    targets = np.arange(shop.n_items)
    whole = LocalRidge(matrix, candidates=20, threads=1)
    whole.refine(targets)
    parts = LocalRidge(matrix, candidates=20, threads=2)
    parts.refine(targets[::-1][:17])
    parts.refine(targets)
    assert parts.refined.all()
    assert (parts.values == whole.values).all()


def test_nothing_is_solved_when_there_is_no_time(shop):
    ridge = LocalRidge(preference_matrix(shop))
    ridge.refine(np.arange(shop.n_items), keep_going=lambda: False)
    assert not ridge.refined.any()
    assert ridge.table().nnz == 0


class Clock:
    """Every look takes a second."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        self.seconds += 1.0
        return self.seconds


def test_a_deadline_in_the_past_leaves_plain_co_occurrence(shop):
    model = ItemNeighbours().fit(shop, now=NOW, deadline=0.0, clock=Clock())
    plain = ItemNeighbours(base_share=1.0).fit(shop, now=NOW)
    assert model.refined_share_ == 0.0
    assert dict(model.neighbours()) == dict(plain.neighbours())


def test_the_busiest_items_are_refined_first_and_the_share_is_honest(shop, monkeypatch):
    monkeypatch.setattr("recommendations.engine.ridge.BATCH", 10)
    clock = Clock()
    model = ItemNeighbours(threads=1).fit(shop, now=NOW, deadline=64.0, clock=clock)
    traffic = np.bincount(shop.items, minlength=shop.n_items)
    refined = model.ridge_.refined
    assert 0 < refined.sum() < shop.n_items
    assert traffic[refined].min() >= traffic[~refined].max()
    assert model.refined_share_ == pytest.approx(traffic[refined].sum() / traffic.sum())
    assert model.recommend("u001")


def test_a_fit_goes_on_where_an_earlier_one_stopped(shop, monkeypatch):
    monkeypatch.setattr("recommendations.engine.ridge.BATCH", 10)
    first = ItemNeighbours(threads=1).fit(shop, now=NOW, deadline=64.0, clock=Clock())
    second = ItemNeighbours(threads=1).fit(shop, now=NOW, ridge=first.ridge_)
    whole = ItemNeighbours().fit(shop, now=NOW)
    assert second.refined_share_ == 1.0
    assert dict(second.neighbours()) == dict(whole.neighbours())


def test_the_model_is_already_valid_before_the_ridge(shop):
    early = []
    ItemNeighbours().fit(shop, now=NOW, on_base=lambda m: early.append(m.recommend("u001")))
    assert early[0]


def test_another_process_takes_over_what_was_saved(shop, monkeypatch, tmp_path):
    monkeypatch.setattr("recommendations.engine.ridge.BATCH", 10)
    first = ItemNeighbours(threads=1).fit(shop, now=NOW, deadline=64.0, clock=Clock())
    np.savez(tmp_path / "progress.npz", **first.ridge_.progress())
    with np.load(tmp_path / "progress.npz", allow_pickle=False) as saved:
        stopped = ItemNeighbours(threads=1).fit(
            shop, now=NOW, progress=saved, deadline=62.0, clock=Clock()
        )
        second = ItemNeighbours(threads=1).fit(shop, now=NOW, progress=saved)
    assert stopped.refined_share_ == first.refined_share_
    assert dict(second.neighbours()) == dict(ItemNeighbours().fit(shop, now=NOW).neighbours())


def test_progress_on_other_data_or_parameters_is_refused(shop):
    progress = ItemNeighbours(threads=1).fit(shop, now=NOW).ridge_.progress()
    with pytest.raises(ValueError, match="other data or parameters"):
        ItemNeighbours(ridge_penalty=3.0).fit(shop, now=NOW, progress=progress)
    with pytest.raises(ValueError, match="other data or parameters"):
        ItemNeighbours().fit(shop.take(shop.users > 3), now=NOW, progress=progress)
