"""Neighbours from the catalogue's words, for items that nobody has taken yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

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
    """

    items: tuple[ItemText, ...] = ()

    def fit(self, interactions: Interactions, *, now: float) -> Self:  # noqa: ARG002
        """Compare all items of the catalogue and of the events; see `Estimator.fit`."""
        texts = {item.item_id: item for item in self.items}
        self._remember(interactions.with_items(texts))
        vectors = tfidf([texts.get(item_id, ItemText(item_id)) for item_id in self.item_ids_])
        self.table_ = product_topk(
            vectors, vectors.T.tocsr(), k=self.k, threads=self.threads, skip_diagonal=True
        )
        return self

    def cold_items(self) -> frozenset[str]:
        """Return the items with fewer than five events."""
        interactions = self._fitted()
        events = np.bincount(interactions.items, minlength=interactions.n_items)
        return frozenset(self.item_ids_[code] for code in np.flatnonzero(events < COLD_EVENTS))
