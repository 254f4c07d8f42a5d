from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import sparse

from recommendations.engine.evaluate import evaluate, measure, new_items, temporal_split
from recommendations.engine.interactions import InteractionsBuilder
from recommendations.engine.metrics import (
    catalogue_metrics,
    exposure,
    hits_by_rank,
    per_user_metrics,
)
from recommendations.engine.models import ItemNeighbours, Popular


def test_the_split_is_by_time_and_parts_no_order(shop):
    train, test = temporal_split(shop, holdout_share=0.2)
    assert len(train) + len(test) == len(shop)
    assert train.times.max() < test.times.min()
    assert len(test) / len(shop) == pytest.approx(0.2, abs=0.03)
    assert not set(train.baskets) & set(test.baskets)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_that_holds_out_nothing_or_all_is_refused(shop, share):
    with pytest.raises(ValueError, match="holdout_share"):
        temporal_split(shop, holdout_share=share)


def test_only_new_items_of_known_users_count():
    builder = InteractionsBuilder()
    for user, item, time in [("a", "x", 0), ("a", "x", 9), ("a", "y", 9), ("new", "x", 9)]:
        builder.add(user, item, weight=1.0, time=float(time))
    interactions = builder.build()
    relevant = new_items(
        interactions.take(interactions.times < 5), interactions.take(interactions.times >= 5)
    )
    assert relevant.toarray().tolist() == [[0, 1], [0, 0]]


def test_measures_match_values_worked_out_by_hand():
    recommended = sparse.csr_matrix(
        (np.array([3.0, 2.0, 1.0]), np.array([2, 0, 1]), np.array([0, 3])), shape=(1, 5)
    )
    relevant = sparse.csr_matrix(np.array([[1.0, 0, 0, 1.0, 0]]))
    hits = hits_by_rank(recommended, relevant, 3)
    assert hits.tolist() == [[False, True, False]]
    measured = per_user_metrics(hits, np.array([2]), 3)
    assert measured["recall@3"] == [0.5]
    assert measured["mrr@3"] == [0.5]
    assert measured["hit_rate@3"] == [1.0]
    ideal = 1 + 1 / np.log2(3)
    assert measured["ndcg@3"] == pytest.approx(1 / np.log2(3) / ideal)
    popularity = np.array([4.0, 2.0, 1.0, 1.0, 0.0])
    catalogue = catalogue_metrics(recommended, popularity, 2)
    assert catalogue == {"coverage@2": 0.5, "novelty@2": (3 + 1) / 2}


def test_the_model_stands_beside_both_lists_on_the_same_users(shop):
    evaluation = evaluate(shop, model=ItemNeighbours(), others={"live": ItemNeighbours(k=5)})
    assert set(evaluation.metrics) == {"model", "popular", "trending", "cosine", "live"}
    assert evaluation.users > 50
    assert evaluation.train_to < evaluation.test_from
    for name, measures in evaluation.metrics.items():
        assert {"recall@20", "ndcg@20", "mrr@10", "hit_rate@10", "coverage@20"} <= set(measures)
        low, high = evaluation.intervals[name]["ndcg@20"]
        assert low <= measures["ndcg@20"] <= high
    assert evaluation.metrics["model"]["ndcg@20"] > evaluation.metrics["popular"]["ndcg@20"]
    json.dumps(evaluation.as_dict())


def test_an_evaluation_is_repeatable(shop):
    assert evaluate(shop, model=Popular()) == evaluate(shop, model=Popular())


def test_a_sample_of_users_is_measured_when_there_are_too_many(shop):
    train, test = temporal_split(shop)
    fitted = {"model": Popular().fit(train, now=0.0)}
    assert measure(fitted, train=train, test=test, max_users=20).users == 20


def test_no_data_makes_an_evaluation_of_nobody():
    evaluation = evaluate(InteractionsBuilder().build(), model=ItemNeighbours())
    assert evaluation.users == 0
    assert evaluation.metrics["model"]["ndcg@20"] == 0.0


def test_users_are_also_reported_by_the_length_of_their_history(shop):
    found = evaluate(shop, model=ItemNeighbours())

    assert sum(group.users for group in found.by_history) == found.users
    for group in found.by_history:
        assert group.metrics.keys() == found.metrics.keys()
    mean = sum(g.users * g.metrics["model"]["ndcg@20"] for g in found.by_history) / found.users
    assert mean == pytest.approx(found.metrics["model"]["ndcg@20"])


def test_places_are_shared_out_by_popularity():
    popularity = np.array([0.0, 5.0, 9.0, 1.0])
    recommended = sparse.csr_matrix(np.array([[0, 3.0, 2.0, 1.0], [4.0, 0, 1.0, 0]]))

    shares = exposure(recommended, popularity, 2)

    # Three items count: 2 in the first tenth, 1 in the fourth, 3 in the seventh.
    assert shares == pytest.approx([2 / 3, 0, 0, 1 / 3, 0, 0, 0, 0, 0, 0])
    assert exposure(sparse.csr_matrix((0, 4)), popularity, 2) == [0.0] * 10
