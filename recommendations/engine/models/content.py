"""Neighbours from the catalogue's words, for items that nobody has taken yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy import sparse

from recommendations.engine.models.base import NeighbourEstimator
from recommendations.engine.text import ItemText, tfidf
from recommendations.engine.topk import product_topk

if TYPE_CHECKING:
    from recommendations.engine.interactions import Interactions

#: Below so many events an item's neighbours come from its words.
COLD_EVENTS = 5


@dataclass(kw_only=True, eq=False)
class ContentNeighbours(NeighbourEstimator):
    """Cosine of TF-IDF vectors of names, categories and labels.

    Attributes
    ----------
    items : tuple of ItemText
        The catalogue. An item without interactions is recommended all the same.
    cold_only : bool
        Compare only the cold items with all others, which takes their share of the time.
    """

    items: tuple[ItemText, ...] = ()
    cold_only: bool = False

    def fit(self, interactions: Interactions, *, now: float) -> Self:  # noqa: ARG002
        """Compare all items of the catalogue and of the events; see `Estimator.fit`."""
        texts = {item.item_id: item for item in self.items}
        self._remember(interactions.with_items(texts))
        vectors = tfidf([texts.get(item_id, ItemText(item_id)) for item_id in self.item_ids_])
        compared = vectors
        if self.cold_only:
            cold = self.cold_items()
            mask = np.array([item_id in cold for item_id in self.item_ids_], dtype=np.float64)
            compared = (sparse.diags(mask, format="csr") @ vectors).tocsr()
            compared.eliminate_zeros()
        self.table_ = product_topk(
            compared, vectors.T.tocsr(), k=self.k, threads=self.threads, skip_diagonal=True
        )
        return self

    def cold_items(self) -> frozenset[str]:
        """Return the items with fewer than five events."""
        interactions = self._fitted()
        events = np.bincount(interactions.items, minlength=interactions.n_items)
        return frozenset(self.item_ids_[code] for code in np.flatnonzero(events < COLD_EVENTS))

    def _pairs(self) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        """Return nothing to count supports over: no user stands behind these neighbours."""
        nobody = sparse.csr_matrix((0, len(self.item_ids_)))
        return nobody, nobody.T.tocsr()
