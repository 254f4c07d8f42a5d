"""The shipped model: items that the same users take, tilted towards what is taken now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recommendations.engine.matrix import user_item_matrix
from recommendations.engine.models.base import NeighbourEstimator
from recommendations.engine.similarity import co_occurrence_neighbours
from recommendations.engine.trend import trend_factors

if TYPE_CHECKING:
    from recommendations.engine.interactions import Interactions


@dataclass(kw_only=True, eq=False)
class ItemNeighbours(NeighbourEstimator):
    """Degree-normalised co-occurrence, times a trend.

    Attributes
    ----------
    user_exponent, row_exponent, column_exponent : float
        g, a and b of `recommendations.engine.similarity`.
    trend_exponent : float
        γ: zero switches the trend off.
    half_life_days : float
        Half-life of the trend, in days.

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
    column_exponent: float = 0.1
    trend_exponent: float = 0.5
    half_life_days: float = 15.0

    def _fit(self, interactions: Interactions, now: float) -> None:
        trend = trend_factors(interactions, now=now, half_life_days=self.half_life_days)
        self.table_ = co_occurrence_neighbours(
            user_item_matrix(interactions, max_items=self.max_items_per_user),
            k=self.k,
            user_exponent=self.user_exponent,
            row_exponent=self.row_exponent,
            column_exponent=self.column_exponent,
            column_factor=trend**self.trend_exponent,
            threads=self.threads,
        )
        self.histories_ = user_item_matrix(interactions, max_items=self.history)
