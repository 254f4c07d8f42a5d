"""What lies in the same baskets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy import sparse

from recommendations.engine.associations import Association
from recommendations.engine.models.base import NeighbourEstimator, empty
from recommendations.engine.similarity import co_occurrence_neighbours
from recommendations.engine.support import shared_users
from recommendations.engine.topk import first_per_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from recommendations.engine.interactions import Interactions

_BLOCK = 512


@dataclass(kw_only=True, eq=False)
class BoughtTogether(NeighbourEstimator):
    """Cosine of items over baskets, for pairs that enough baskets share.

    Lift alone puts pairs first that met once by chance, confidence alone what everybody buys; the
    cosine is the root of their product and stands between the two.

    Attributes
    ----------
    min_support : int
        Baskets that must hold both items.
    """

    min_support: int = 2
    baskets_: sparse.csr_matrix = field(default_factory=empty, init=False, repr=False)

    def fit(self, interactions: Interactions, *, now: float) -> Self:  # noqa: ARG002
        """Learn from events that belong to a basket; see `Estimator.fit`."""
        self._remember(interactions)
        self.baskets_ = _basket_matrix(interactions)
        table = co_occurrence_neighbours(
            self.baskets_,
            # Pairs without enough support leave afterwards.
            k=2 * self.k,
            user_exponent=0.0,
            row_exponent=0.5,
            column_exponent=0.5,
            threads=self.threads,
        )
        table.data[self._supports(table) < self.min_support] = 0.0
        table.eliminate_zeros()
        self.table_ = first_per_row(table, k=self.k)
        return self

    def associations(self) -> Iterator[tuple[str, list[Association]]]:
        """Yield each item that has a partner, with all of them, best first."""
        self._fitted()
        sizes = np.diff(self.baskets_.T.tocsr().indptr)
        n_baskets = self.baskets_.shape[0]
        size_of = dict(zip(self.item_ids_, sizes.tolist(), strict=True))
        for item_id, row in self.neighbours():
            yield (
                item_id,
                [
                    Association(
                        item_id=partner,
                        score=score,
                        support=support,
                        confidence=support / size_of[item_id],
                        lift=support * n_baskets / (size_of[item_id] * size_of[partner]),
                    )
                    for partner, score, support in row
                ],
            )

    def _pairs(self) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        return self.baskets_, self.baskets_.T.tocsr()

    def _supports(self, table: sparse.csr_matrix) -> NDArray[np.int64]:
        baskets, items = self._pairs()
        return np.concatenate(
            [
                shared_users(items[at : at + _BLOCK], baskets, table[at : at + _BLOCK])
                for at in range(0, max(table.shape[0], 1), _BLOCK)
            ]
        )


def _basket_matrix(interactions: Interactions) -> sparse.csr_matrix:
    """Return ones for the items of each basket, shape (n_baskets, n_items)."""
    inside = interactions.baskets >= 0
    codes, rows = np.unique(interactions.baskets[inside], return_inverse=True)
    matrix = sparse.csr_matrix(
        (np.ones(rows.size), (rows, interactions.items[inside])),
        shape=(codes.size, interactions.n_items),
    )
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix
