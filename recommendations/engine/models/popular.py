"""The same list for everybody, of all time or of the last days."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import sparse

from recommendations.engine.models.base import Estimator
from recommendations.engine.popularity import item_totals
from recommendations.engine.weights import SECONDS_PER_DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommendations.engine.interactions import Interactions
    from recommendations.engine.packing import Neighbour


@dataclass(kw_only=True, eq=False)
class Popular(Estimator):
    """The items with the largest summed weight.

    Attributes
    ----------
    window_days : float
        Only the last so many days count; ``inf`` for all time.
    """

    window_days: float = float("inf")
    totals_: NDArray[np.float64] = field(
        default_factory=lambda: np.zeros(0), init=False, repr=False
    )

    def fit(self, interactions: Interactions, *, now: float) -> Self:
        """Count; see `Estimator.fit`."""
        self._remember(interactions)
        since = now - self.window_days * SECONDS_PER_DAY
        self.totals_ = item_totals(interactions, since=since)
        return self

    def recommend_many(self, users: NDArray[Any], k: int) -> sparse.csr_matrix:
        """Return the best ``k`` items of many users; see `Estimator.recommend_many`."""
        longest = int(np.diff(self._seen(users).indptr).max(initial=0)) if self.exclude_seen else 0
        best = np.argsort(-self.totals_, kind="stable")[: k + longest]
        best = best[self.totals_[best] > 0]
        table = sparse.csr_matrix(
            (self.totals_[best], (np.zeros(best.size, dtype=np.int32), best)),
            shape=(1, self.totals_.size),
        )
        return self._best(users, sparse.csr_matrix(np.ones((users.size, 1))), table, k)

    def similar_items(self, item_id: str, k: int = 10) -> list[Neighbour]:  # noqa: ARG002
        """Return nothing: popularity knows no pairs."""
        self._fitted()
        return []
