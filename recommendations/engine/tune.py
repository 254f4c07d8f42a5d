"""Choose parameters on the last part of the training time, within a time budget."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from recommendations.engine.evaluate import MAX_USERS, mean_ndcg, new_items, temporal_split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from recommendations.engine.interactions import Interactions
    from recommendations.engine.models.item_neighbours import ItemNeighbours
    from recommendations.engine.ridge import LocalRidge

#: Parameters stay unless a trial is better by this share: the defaults hold on very different
#: data, and a smaller gain on one stretch of time is noise.
MARGIN = 0.01
#: Short, since a model is used for the days after it was made.
HOLDOUT_SHARE = 0.1
#: Each trial is measured on so many stretches of time, one before the other: what is better on both
#: is less likely to be chance.
FOLDS = 2
#: With more items than this on one only, since each keeps a ridge of 2 KB per item.
MAX_ITEMS = 100_000
#: With more events than this the trials see a sample of the users.
MAX_EVENTS = 2_000_000

# Each round changes one group of parameters of the best so far; what moved most comes first, so
# that a short budget is spent where it counts.
_TRENDS = [(0.0, 15.0), (0.5, 60.0), (1.0, 30.0), (1.0, 15.0), (1.0, 8.0), (1.0, 5.0), (1.0, 3.0)]
_ROUNDS: list[list[dict[str, float]]] = [
    [{"trend_exponent": g, "half_life_days": h} for g, h in _TRENDS],
    [
        {"ridge_user_exponent": g, "ridge_penalty": penalty, "ridge_diagonal_penalty": diagonal}
        for g, penalty, diagonal in [(1.0, 3.0, 1.0), (1.0, 10.0, 1.0), (0.25, 20.0, 0.2)]
    ],
    [
        {"base_share": share, "row_exponent": a}
        for share, a in [(0.5, 0.8), (0.65, 0.8), (0.5, 0.65), (0.35, 1.0), (0.8, 1.0)]
    ],
    [{"source_exponent": rho} for rho in (0.15, 0.3, 0.5)],
    [{"column_exponent": b} for b in (0.0, 0.1, 0.2, 0.4)],
    [{"trend_exponent": g} for g in (0.75, 1.25, 1.5)],
    [{"half_life_days": h} for h in (4.0, 6.5, 10.0)],
]
_RIDGE = ("ridge_user_exponent", "ridge_penalty", "ridge_diagonal_penalty", "k")


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of parameters that was tried."""

    changes: dict[str, float]
    score: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was chosen and everything that was tried; the first trial is the defaults.

    Attributes
    ----------
    changes : dict
        Parameters to change in the model that was tuned; empty when its own are kept.
    trials : tuple of Trial
        In the order in which they ran.
    measure : str
    users : int
        Users measured, those of all stretches of time together.
    """

    changes: dict[str, float]
    trials: tuple[Trial, ...]
    measure: str
    users: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def tune(
    interactions: Interactions,
    *,
    model: ItemNeighbours,
    budget: float,
    clock: Callable[[], float] = time.monotonic,
    margin: float = MARGIN,
    holdout_share: float = HOLDOUT_SHARE,
    seed: int = 0,
) -> Tuning:
    """Try other parameters than the model's own on held-out time.

    Parameters
    ----------
    interactions : Interactions
        All that training may see; its last parts are hidden from the trials.
    model : ItemNeighbours
        Its parameters are the ones to beat. The object itself is not touched.
    budget : float
        Seconds on the clock. No trial starts that would probably end later; the first, of the
        model's own parameters, always runs.
    clock : callable
        Seconds, never going back.
    margin : float
        A round of trials changes its group of parameters only if that is better by this share.
    holdout_share : float
        Share of each fold, see `recommendations.engine.evaluate.temporal_split`.
    seed : int
        Of the samples of users.
    """
    end = clock() + budget
    sample = _sample(interactions, np.random.default_rng(seed))
    contest = _Contest(model, _folds(sample, holdout_share), clock, seed)
    own = contest.run({})
    best, tried = own, [own]
    seen = {_key(model, {})}
    for options in _ROUNDS:
        base = best
        for changes in ({**base.changes, **option} for option in options):
            key = _key(model, changes)
            in_time = clock() + max(trial.seconds for trial in tried) <= end
            if key in seen or not in_time or not contest.users:
                continue
            seen.add(key)
            tried.append(contest.run(changes))
            best = max(best, tried[-1], key=lambda trial: trial.score)
        if best.score <= base.score * (1.0 + margin):
            best = base
    return Tuning(changes=best.changes, trials=tuple(tried), measure="ndcg@20", users=contest.users)


class _Contest:
    """Measures trials on all folds."""

    def __init__(
        self,
        model: ItemNeighbours,
        folds: Iterable[tuple[Interactions, Interactions]],
        clock: Callable[[], float],
        seed: int,
    ) -> None:
        self._model, self._clock = model, clock
        self._folds = [_Fold(train, test, seed) for train, test in folds]
        self.users = sum(fold.users.size for fold in self._folds)

    def run(self, changes: dict[str, float]) -> Trial:
        start = self._clock()
        candidate = self._model.clone(**changes)
        total = sum(fold.score(candidate) * fold.users.size for fold in self._folds)
        seconds = self._clock() - start
        return Trial(changes=changes, score=total / max(self.users, 1), seconds=seconds)


class _Fold:
    """One split; keeps a ridge for the trials that can share it."""

    def __init__(self, train: Interactions, test: Interactions, seed: int) -> None:
        relevant = new_items(train, test)
        users = np.flatnonzero(np.diff(relevant.indptr) > 0)
        if users.size > MAX_USERS:
            users = np.sort(np.random.default_rng(seed).choice(users, MAX_USERS, replace=False))
        self.users, self._relevant = users, relevant[users]
        self._train, self._now = train, train.span[1]
        self._ridges: dict[tuple[Any, ...], LocalRidge | None] = {}

    def score(self, candidate: ItemNeighbours) -> float:
        key = tuple(getattr(candidate, name) for name in _RIDGE)
        candidate.fit(self._train, now=self._now, ridge=self._ridges.get(key))
        # One at a time: a Gram matrix is the largest thing in memory.
        self._ridges = {key: candidate.ridge_} if candidate.ridge_ else self._ridges
        return mean_ndcg(candidate, self.users, self._relevant, 20) if self.users.size else 0.0


def _folds(
    interactions: Interactions, holdout_share: float
) -> Iterator[tuple[Interactions, Interactions]]:
    """Yield splits of training and later events; each one's training is the next one's whole."""
    for _ in range(FOLDS if interactions.n_items <= MAX_ITEMS else 1):
        train, test = temporal_split(interactions, holdout_share=holdout_share)
        yield train, test
        interactions = train


def _key(model: ItemNeighbours, changes: dict[str, float]) -> tuple[Any, ...]:
    return tuple(sorted({**model.get_params(), **changes}.items()))


def _sample(interactions: Interactions, generator: np.random.Generator) -> Interactions:
    if len(interactions) <= MAX_EVENTS:
        return interactions
    chosen = generator.random(interactions.n_users) < MAX_EVENTS / len(interactions)
    return interactions.take(chosen[interactions.users])
