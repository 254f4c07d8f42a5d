"""Offline evaluation: hide the last part of the time, predict it, compare with simple lists."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from recommendations.engine.matrix import user_item_matrix
from recommendations.engine.metrics import (
    catalogue_metrics,
    exposure,
    hits_by_rank,
    per_user_metrics,
)
from recommendations.engine.models.item_neighbours import RESERVE, ItemNeighbours
from recommendations.engine.models.popular import Popular
from recommendations.engine.popularity import item_totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from recommendations.engine.interactions import Interactions
    from recommendations.engine.models.base import Estimator

CUTOFFS = (10, 20)
COSINE = ItemNeighbours(
    base_share=1.0, user_exponent=0.0, row_exponent=0.5, column_exponent=0.5, trend_exponent=0.0
)
MAX_USERS = 6_000
#: Users are also reported by the number of items they had before, in groups that begin here.
HISTORY_GROUPS = (1, 5, 10, 20, 50)
CONFIDENCE = 0.95
RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class HistoryGroup:
    """How the models did for users with ``least`` to ``most`` items before (None: no limit)."""

    least: int
    most: int | None
    users: int
    metrics: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How the model and its rivals did, all on the same users; times in epoch seconds.

    Attributes
    ----------
    users : int
        Users measured: known from training, with at least one item in the test that is new to them.
    train_events, test_events : int
    train_from, train_to, test_from, test_to : float
        First and last event of either part; zero where there is none.
    metrics : dict
        ``metrics[name][measure]``, with the names "model", "popular", "trending", "cosine"
        and those of the other models given, and measures like "recall@20".
    intervals : dict
        ``intervals[name][measure]`` is the 95 % bootstrap interval of the mean over users.
    differences : dict
        ``differences[name][measure]``, the same of the model's value minus that of another.
    by_history : tuple of HistoryGroup
        The same users by the length of their histories, shortest first; only groups with users.
    exposure : dict
        ``exposure[name]`` shares out the 20 places by popularity of the items, see
        `recommendations.engine.metrics.exposure`; "events" does so for the training events.
    """

    users: int
    train_events: int
    test_events: int
    train_from: float
    train_to: float
    test_from: float
    test_to: float
    metrics: dict[str, dict[str, float]]
    intervals: dict[str, dict[str, tuple[float, float]]]
    differences: dict[str, dict[str, tuple[float, float]]]
    by_history: tuple[HistoryGroup, ...]
    exposure: dict[str, list[float]]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def temporal_split(
    interactions: Interactions, *, holdout_share: float = 0.2
) -> tuple[Interactions, Interactions]:
    """Return the events before and from a point in time, under the same codes.

    Parameters
    ----------
    interactions : Interactions
    holdout_share : float
        About this share of the events, the last ones, is held out. Events of the same second are
        never parted, so neither is an order.

    Raises
    ------
    ValueError
        If the share is not between 0 and 1.
    """
    if not 0 < holdout_share < 1:
        raise ValueError(f"holdout_share must be between 0 and 1, not {holdout_share}")
    seconds = interactions.seconds
    if not seconds.size:
        return interactions, interactions
    position = min(int(seconds.size * (1 - holdout_share)), seconds.size - 1)
    held_out = seconds >= np.partition(seconds, position)[position]
    return interactions.take(~held_out), interactions.take(held_out)


def evaluate(
    interactions: Interactions,
    *,
    model: Estimator,
    others: Mapping[str, Estimator] | None = None,
    holdout_share: float = 0.2,
    max_users: int = MAX_USERS,
    seed: int = 0,
    refine_seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Evaluation:
    """Fit fresh copies on the first part of the time and measure them on the rest.

    Parameters
    ----------
    interactions : Interactions
    model : Estimator
        Its parameters are what is measured; the object itself is not touched.
    others : mapping of str to Estimator, optional
        Measured beside it on the same users, for instance under the name "live".
    holdout_share : float
        See `temporal_split`.
    max_users : int
        A random sample of so many users is measured.
    seed : int
        Of the sample and of the bootstrap.
    refine_seconds : float, optional
        Each model that can be refined is so for about so many seconds on the clock; None for as
        long as it takes.
    clock : callable
        Seconds, never going back.
    """
    train, test = temporal_split(interactions, holdout_share=holdout_share)
    _, now = train.span
    rivals = {
        "model": model,
        "popular": Popular(),
        "trending": Popular(window_days=14.0),
        "cosine": COSINE,
        **(others or {}),
    }
    fitted: dict[str, Estimator] = {}
    for name, rival in rivals.items():
        estimator = rival.clone()
        if refine_seconds is not None and isinstance(estimator, ItemNeighbours):
            deadline = clock() + RESERVE + refine_seconds
            estimator.fit(train, now=now, deadline=deadline, clock=clock)
        else:
            estimator.fit(train, now=now)
        fitted[name] = estimator
    return measure(fitted, train=train, test=test, max_users=max_users, seed=seed)


def measure(
    fitted: Mapping[str, Estimator],
    *,
    train: Interactions,
    test: Interactions,
    max_users: int = MAX_USERS,
    seed: int = 0,
) -> Evaluation:
    """Measure estimators that were fitted on ``train`` by what their users did in ``test``."""
    relevant = new_items(train, test)
    generator = np.random.default_rng(seed)
    users = np.flatnonzero(np.diff(relevant.indptr) > 0)
    if users.size > max_users:
        users = np.sort(generator.choice(users, max_users, replace=False))
    relevant = relevant[users]
    lengths = np.diff(_pairs(train).indptr)[users]
    draws = generator.integers(0, max(users.size, 1), (RESAMPLES, users.size), dtype=np.int32)
    popularity = item_totals(train)
    metrics: dict[str, dict[str, float]] = {}
    by_user: dict[str, dict[str, NDArray[np.float64]]] = {}
    shares = {"events": exposure(_pairs(train), popularity, train.n_items)}
    resampled: dict[str, dict[str, NDArray[np.float64]]] = {}
    for name, estimator in fitted.items():
        recommended = estimator.recommend_many(users, max(CUTOFFS))
        values = by_user[name] = _user_values(recommended, relevant)
        shares[name] = exposure(recommended, popularity, max(CUTOFFS))
        metrics[name] = {key: _mean(column) for key, column in values.items()}
        for k in CUTOFFS:
            metrics[name].update(catalogue_metrics(recommended, popularity, k))
        resampled[name] = {key: _means(column, draws) for key, column in values.items()}
    intervals = {
        name: {key: _interval(means) for key, means in columns.items()}
        for name, columns in resampled.items()
    }
    differences = {
        name: {key: _interval(resampled["model"][key] - means) for key, means in columns.items()}
        for name, columns in resampled.items()
        if name != "model" and "model" in resampled
    }
    return Evaluation(
        users=int(users.size),
        train_events=len(train),
        test_events=len(test),
        train_from=train.span[0],
        train_to=train.span[1],
        test_from=test.span[0],
        test_to=test.span[1],
        metrics=metrics,
        intervals=intervals,
        differences=differences,
        by_history=tuple(_by_history(lengths, by_user)),
        exposure=shares,
    )


def _by_history(
    lengths: NDArray[Any], by_user: Mapping[str, Mapping[str, NDArray[np.float64]]]
) -> Iterator[HistoryGroup]:
    for least, following in zip_longest(HISTORY_GROUPS, HISTORY_GROUPS[1:]):
        chosen = (lengths >= least) & (lengths < (following or np.inf))
        if chosen.any():
            yield HistoryGroup(
                least=least,
                most=None if following is None else following - 1,
                users=int(chosen.sum()),
                metrics={
                    name: {key: _mean(column[chosen]) for key, column in values.items()}
                    for name, values in by_user.items()
                },
            )


def new_items(train: Interactions, test: Interactions) -> sparse.csr_matrix:
    """Return ones for the test's items that are new to users known from training."""
    before, after = _pairs(train), _pairs(test)
    known = sparse.diags((np.diff(before.indptr) > 0).astype(np.float64), format="csr")
    relevant = known @ (after - after.multiply(before))
    relevant.eliminate_zeros()
    relevant.sort_indices()
    return relevant


def _pairs(interactions: Interactions) -> sparse.csr_matrix:
    matrix = user_item_matrix(interactions)
    matrix.data[:] = 1.0
    return matrix


def mean_ndcg(
    estimator: Estimator, users: NDArray[Any], relevant: sparse.csr_matrix, k: int
) -> float:
    """Return the mean NDCG of a fitted estimator; ``relevant`` has one row for each user."""
    hits = hits_by_rank(estimator.recommend_many(users, k), relevant, k)
    counts = np.diff(relevant.indptr).astype(np.int64)
    return _mean(per_user_metrics(hits, counts, k)[f"ndcg@{k}"])


def _user_values(
    recommended: sparse.csr_matrix, relevant: sparse.csr_matrix
) -> dict[str, NDArray[np.float64]]:
    hits = hits_by_rank(recommended, relevant, max(CUTOFFS))
    counts = np.diff(relevant.indptr).astype(np.int64)
    return {
        name: values for k in CUTOFFS for name, values in per_user_metrics(hits, counts, k).items()
    }


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else 0.0


def _means(values: NDArray[np.float64], draws: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the mean of each resample; one at a time, since all together would fill memory."""
    if not values.size:
        return np.zeros(1)
    return np.array([values[draw].mean() for draw in draws])


def _interval(means: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
