"""The shipped model: co-occurrence and local ridge, tilted towards what is taken now."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from recommendations.engine.blend import blended
from recommendations.engine.matrix import preference_matrix
from recommendations.engine.models.base import NeighbourEstimator
from recommendations.engine.popularity import item_totals
from recommendations.engine.ridge import LocalRidge
from recommendations.engine.scaling import scale
from recommendations.engine.similarity import co_occurrence_neighbours
from recommendations.engine.topk import first_per_row, round_significant
from recommendations.engine.trend import trend_factors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from scipy import sparse

    from recommendations.engine.interactions import Interactions

#: Seconds before the deadline at which refining stops, for what is still to be done then.
RESERVE = 60.0


@dataclass(kw_only=True, eq=False)
class ItemNeighbours(NeighbourEstimator):
    """A blend of two sparse item-item models with a trend; the formulas are in docs/engine.md.

    Attributes
    ----------
    user_exponent, row_exponent, column_exponent : float
        g, a and b of `recommendations.engine.similarity`.
    base_share : float
        α, the share of co-occurrence in the blend; at 1 the ridge is not computed.
    ridge_user_exponent, ridge_penalty, ridge_diagonal_penalty : float
        g, λ and δ of `recommendations.engine.ridge`.
    trend_exponent : float
        γ: zero switches the trend off.
    half_life_days : float
        Half-life of the trend, in days.
    source_exponent : float
        ρ: above zero the more popular items of a history count more.

    Examples
    --------
    >>> from recommendations.engine.interactions import InteractionsBuilder
    >>> builder = InteractionsBuilder()
    >>> for user, item in [("a", "tea"), ("a", "cup"), ("b", "tea"), ("b", "cup"), ("c", "tea")]:
    ...     builder.add(user, item, weight=1.0, time=0.0)
    >>> model = ItemNeighbours().fit(builder.build(), now=0.0)
    >>> [item for item, score in model.recommend("c")]
    ['cup']
    """

    user_exponent: float = 1.0
    row_exponent: float = 1.0
    column_exponent: float = 0.05
    base_share: float = 0.65
    ridge_user_exponent: float = 0.25
    ridge_penalty: float = 20.0
    ridge_diagonal_penalty: float = 1.0
    trend_exponent: float = 0.5
    half_life_days: float = 15.0
    source_exponent: float = 0.0
    ridge_: LocalRidge | None = field(default=None, init=False, repr=False)
    refined_share_: float = field(default=0.0, init=False, repr=False)

    def fit(
        self,
        interactions: Interactions,
        *,
        now: float,
        deadline: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        ridge: LocalRidge | None = None,
        progress: Mapping[str, NDArray[Any]] | None = None,
        on_base: Callable[[Self], None] = lambda _: None,
    ) -> Self:
        """Learn from the interactions; with a deadline, as well as time allows.

        Co-occurrence comes first and is a valid model by itself. The ridge then refines one
        target item after the other, those with the most traffic first, and stops 60 seconds
        before the deadline. ``refined_share_`` tells the share of traffic that it reached.

        Parameters
        ----------
        interactions : Interactions
            May be empty; then nothing is recommended.
        now : float
            Epoch seconds at which the model is made. Later events count as made now.
        deadline : float, optional
            On the clock; None for as long as it takes.
        clock : callable
            Seconds, never going back.
        ridge : LocalRidge, optional
            One of an earlier fit on the same interactions with the same ridge parameters: what
            it has solved is kept and it goes on from there.
        progress : mapping of str to ndarray, optional
            The same across processes: what `LocalRidge.progress` of a stopped fit returned.
            ValueError if that was a fit on other data or parameters.
        on_base : callable
            Called with the estimator as soon as it is valid, before the ridge.
        """
        self._remember(interactions)
        self.ridge_, self.refined_share_ = None, 0.0
        trend = trend_factors(interactions, now=now, half_life_days=self.half_life_days)
        trend **= self.trend_exponent
        traffic = item_totals(interactions)
        base = co_occurrence_neighbours(
            preference_matrix(interactions, max_items=self.max_items_per_user),
            k=self.k if self.base_share == 1.0 else 2 * self.k,
            user_exponent=self.user_exponent,
            row_exponent=self.row_exponent,
            column_exponent=self.column_exponent,
            column_factor=trend,
            threads=self.threads,
            overwrite=True,
        )
        self.table_ = self._by_source(first_per_row(base, k=self.k), traffic)
        on_base(self)

        def keep_going() -> bool:
            return deadline is None or clock() < deadline - RESERVE

        if self.base_share == 1.0 or not base.nnz or not keep_going():
            return self
        self.ridge_ = ridge or LocalRidge(
            preference_matrix(interactions, max_items=self.max_items_per_user),
            candidates=self.k,
            user_exponent=self.ridge_user_exponent,
            penalty=self.ridge_penalty,
            diagonal_penalty=self.ridge_diagonal_penalty,
            threads=self.threads,
            overwrite=True,
        )
        if progress is not None:
            self.ridge_.resume(progress)
        self.ridge_.refine(np.argsort(-traffic, kind="stable"), keep_going=keep_going)
        self.refined_share_ = float(traffic[self.ridge_.refined].sum() / traffic.sum())
        table = blended(
            base,
            scale(self.ridge_.table(), columns=trend),
            refined=self.ridge_.refined,
            base_share=self.base_share,
            k=self.k,
            threads=self.threads,
        )
        self.table_ = self._by_source(table, traffic)
        return self

    def _by_source(
        self, table: sparse.csr_matrix, traffic: NDArray[np.float64]
    ) -> sparse.csr_matrix:
        """Return the table with its rows multiplied by ``(traffic / mean traffic) ** ρ``."""
        if not self.source_exponent or not table.nnz:
            return table
        table = scale(table, rows=(traffic / traffic.mean()) ** self.source_exponent)
        table.data = round_significant(table.data)
        return table
