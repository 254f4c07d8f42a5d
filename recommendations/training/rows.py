"""The neighbour rows of a model version, of all kinds."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from recommendations.engine.associations import Association
from recommendations.engine.interactions import Interactions
from recommendations.engine.models import (
    BoughtTogether,
    ContentNeighbours,
    ItemNeighbours,
    NextItem,
)
from recommendations.engine.packing import Neighbour
from recommendations.storage import neighbours
from recommendations.storage.neighbours import Kind
from recommendations.training.catalogue import Catalogue

# What comes next is learnt from the newest events: so many take about one GB.
MAX_NEXT_EVENTS = 5_000_000

#: Takes ``rows``, items with their neighbours of one ``kind``.
Save = Callable[..., neighbours.Written]

_Near = TypeVar("_Near", Neighbour, Association)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Hands on the rows of one version and counts them.

    Attributes
    ----------
    save
        Takes the rows of one kind, in order of item; see `recommendations.storage.neighbours.save`.
    item_ids
        All items that have a row, have had one, or may get one, in order.
    catalogue
        Deleted products are nobody's neighbour.
    counts
        By kind: items with neighbours, and (``…_written``) rows that had to be written.
    """

    save: Save
    item_ids: Sequence[str]
    catalogue: Catalogue
    counts: Counter[str] = field(default_factory=Counter)

    def write_similar(self, model: ItemNeighbours, content: ContentNeighbours) -> None:
        """Write the model's neighbours, and those by content of the items that are new to it."""
        scaled = _scaled(content.neighbours(), _usual_largest(model, cold=content.cold_items()))
        written = self._write("similar", _instead(scaled, model.neighbours()))
        self.counts["content"] = int(np.count_nonzero(np.diff(content.table_.indptr)))
        self.counts["neighbours"] = written.items
        self.counts["neighbours_written"] += written.changed

    def write_others(self, interactions: Interactions, *, now: float) -> None:
        """Fit and write what is bought together and what comes next."""
        together = BoughtTogether().fit(interactions, now=now)
        written = self._write("bought-together", together.associations())
        self.counts["bought_together"] = written.items
        self.counts["bought_together_written"] = written.changed
        following = NextItem().fit(_newest(interactions, MAX_NEXT_EVENTS), now=now)
        written = self._write("next", following.neighbours())
        self.counts["next"] = written.items
        self.counts["next_written"] = written.changed

    def _write(self, kind: Kind, found: Iterator[tuple[str, list[_Near]]]) -> neighbours.Written:
        deleted = self.catalogue.deleted
        kept = (
            (item_id, [near for near in row if near.item_id not in deleted])
            for item_id, row in found
        )
        return self.save(rows=_for_all(self.item_ids, kept), kind=kind)


def content_neighbours(catalogue: Catalogue, interactions: Interactions) -> ContentNeighbours:
    """Compare the names, categories and labels of the items that hardly anybody has taken."""
    items = tuple(catalogue.texts.values())
    return ContentNeighbours(items=items, cold_only=True).fit(interactions, now=0.0)


def _usual_largest(model: ItemNeighbours, *, cold: frozenset[str]) -> float:
    """Return the median over warm items of their largest weight; 1 when all are cold."""
    starts = model.table_.indptr
    warm = [
        float(model.table_.data[starts[code]])
        for code, item_id in enumerate(model.item_ids_)
        if item_id not in cold and starts[code] < starts[code + 1]
    ]
    return float(np.median(warm)) if warm else 1.0


def _scaled(
    found: Iterator[tuple[str, list[Neighbour]]], factor: float
) -> Iterator[tuple[str, list[Neighbour]]]:
    """Yield the rows in the units of the model, so that neither outshines the other in a sum."""
    for item_id, row in found:
        yield item_id, [near._replace(weight=factor * near.weight) for near in row]


def _instead(
    preferred: Iterator[tuple[str, list[Neighbour]]], others: Iterator[tuple[str, list[Neighbour]]]
) -> Iterator[tuple[str, list[Neighbour]]]:
    """Merge rows in order of item, those preferred where both have one."""
    last = None
    both = heapq.merge(preferred, others, key=lambda row: row[0])
    for item_id, row in both:
        if item_id != last:
            yield item_id, row
        last = item_id


def _for_all(
    item_ids: Iterable[str], found: Iterator[tuple[str, list[_Near]]]
) -> Iterator[tuple[str, list[_Near]]]:
    """Yield a row for every item, empty for those that have no neighbours (any more)."""
    known = next(found, None)
    for item_id in item_ids:
        if known is not None and known[0] == item_id:
            yield known
            known = next(found, None)
        else:
            yield item_id, []


def _newest(interactions: Interactions, count: int) -> Interactions:
    if len(interactions) <= count:
        return interactions
    seconds = interactions.seconds
    return interactions.take(seconds >= np.partition(seconds, -count)[-count])
