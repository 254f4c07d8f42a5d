"""Scores and reasons at serving time: pure Python, one pass over a bounded history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from heapq import nlargest, nsmallest
from math import log2
from typing import TYPE_CHECKING
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from recommendations.engine.packing import NO_NEIGHBOURS, Neighbours

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

#: Rows of neighbours that are read for one history: with the ready lists one batch of DynamoDB.
MAX_READ = 96
#: So many of them count in a score.
MAX_HISTORY = 50
HISTORY_HALF_LIFE_DAYS = 120.0


class HistoryItem(Struct, frozen=True, gc=False):
    """One thing that the user did; ``at`` is ISO 8601 in UTC, so that the order of text is time."""

    item_id: str
    weight: float
    event: str
    at: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Cause:
    """One event of the user's own, and the share of a score that it carried."""

    item_id: str
    event: str
    at: str
    share: float


@dataclass(frozen=True, slots=True)
class Scored:
    """One recommended item."""

    item_id: str
    score: float
    causes: tuple[Cause, ...]


def recent_items(history: Iterable[HistoryItem], *, limit: int = MAX_READ) -> list[HistoryItem]:
    """Fold a user's events into one row per item, newest item first, at most ``limit``.

    The weight of a row is ``log2(1 + summed weight)`` of the item's events, so that one purchase
    is worth 1 and the tenth adds little. An item is shown by its strongest event, the newest
    among equals. Events without a positive weight say nothing and are left out. Of a longer
    history stay the items whose weight, halved for every 120 days of age, is largest; equals, as
    the lines of one large order are, in the order of `scattered`.
    """
    strongest: dict[str, HistoryItem] = {}
    newest: dict[str, str] = {}
    totals: dict[str, float] = {}
    for row in history:
        if not row.weight > 0:
            continue
        item_id = row.item_id
        known = strongest.get(item_id)
        if known is None or _strength(row) > _strength(known):
            strongest[item_id] = row
        newest[item_id] = max(newest.get(item_id, ""), row.at)
        totals[item_id] = totals.get(item_id, 0.0) + row.weight
    rows = [replace(row, weight=log2(1.0 + totals[row.item_id])) for row in strongest.values()]
    rows.sort(key=lambda row: (scattered(row.item_id), row.item_id))
    if len(rows) > limit:
        rows = nlargest(limit, rows, key=lambda row: log2(row.weight) + _age(newest[row.item_id]))
    rows.sort(key=lambda row: (newest[row.item_id], row.event_id, row.item_id), reverse=True)
    return rows


def scattered(item_id: str) -> int:
    """Return a number that has nothing to do with what an item is.

    Neighbouring ids often share a category or an age; a choice by id would keep only some kinds.
    """
    return crc32(item_id.encode())


def rank(
    *,
    history: Sequence[HistoryItem],
    neighbours: Mapping[str, Neighbours],
    exclude: Collection[str],
    limit: int,
    causes: int = 3,
) -> list[Scored]:
    """Return the best items for a history, with the events that speak for each.

    The score of item j is the sum of ``v_i · W_ij`` over the rows i of the history, with ``v_i``
    the weight of the row and ``W_ij`` that of the neighbour. Of more than 50 rows those count that
    carry the most, ``v_i · Σ_j W_ij``; equals by item id.

    Parameters
    ----------
    history : sequence of HistoryItem
        One row per item, as `recent_items` makes them, in any order.
    neighbours : mapping of str to Neighbours
        Rows of the items in the history; an item without a row adds nothing.
    exclude : collection of str
        Items that must not come back.
    limit : int
        At most so many items.
    causes : int
        At most so many causes for each item.

    Returns
    -------
    list of Scored
        Highest score first, ties by item id. Causes have the largest share first; the shares of
        one item add up to at most 1.
    """
    rows = [(row, neighbours.get(row.item_id, NO_NEIGHBOURS)) for row in history if row.weight > 0]
    if len(rows) > MAX_HISTORY:
        rows = nsmallest(MAX_HISTORY, rows, key=_carried)
    scores: dict[str, float] = {}
    known = scores.get
    for row, near in rows:
        value = row.weight
        for item_id, weight in zip(near.item_ids, near.weights, strict=True):
            scores[item_id] = known(item_id, 0.0) + value * weight
    for item_id in exclude:
        scores.pop(item_id, None)
    best = _best(scores, limit=limit)
    reasons = _reasons(rows, {item_id for _, item_id in best}) if causes > 0 else {}
    return [
        Scored(item_id, -negative, _causes(reasons.get(item_id, ()), total=-negative, limit=causes))
        for negative, item_id in best
    ]


def _best(scores: Mapping[str, float], *, limit: int) -> list[tuple[float, str]]:
    """Return the largest positive scores, negated, with their items, in final order."""
    # Looking for the last place among bare floats is several times faster than among pairs.
    last = nlargest(limit, scores.values())[-1:]
    lowest = max(last[0], 0.0) if last else 0.0
    ahead = [
        (-score, item_id) for item_id, score in scores.items() if score >= lowest and score > 0
    ]
    return sorted(ahead)[:limit]


def _age(at: str) -> float:
    """Return a time in half-lives of the history; only differences mean anything."""
    return datetime.fromisoformat(at).timestamp() / (HISTORY_HALF_LIFE_DAYS * 86_400.0)


def _strength(row: HistoryItem) -> tuple[float, str, str]:
    return row.weight, row.at, row.event_id


def _carried(row: tuple[HistoryItem, Neighbours]) -> tuple[float, str]:
    item, near = row
    return -item.weight * sum(near.weights), item.item_id


def _reasons(
    rows: Iterable[tuple[HistoryItem, Neighbours]], wanted: set[str]
) -> dict[str, list[tuple[float, HistoryItem]]]:
    reasons: dict[str, list[tuple[float, HistoryItem]]] = {item_id: [] for item_id in wanted}
    for row, near in rows:
        for item_id, weight in zip(near.item_ids, near.weights, strict=True):
            if item_id in wanted:
                reasons[item_id].append((row.weight * weight, row))
    return reasons


def _causes(
    parts: Iterable[tuple[float, HistoryItem]], *, total: float, limit: int
) -> tuple[Cause, ...]:
    largest = nsmallest(limit, parts, key=lambda part: (-part[0], part[1].item_id))
    return tuple(
        # Rounding down keeps the sum of the shares at 1 or below.
        Cause(row.item_id, row.event, row.at, int(1e6 * min(part / total, 1.0)) / 1e6)
        for part, row in largest
        if part > 0
    )
