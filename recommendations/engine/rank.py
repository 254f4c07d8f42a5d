"""Scores and reasons at serving time: pure Python, one pass over a bounded history."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nlargest, nsmallest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from recommendations.engine.packing import Neighbour

MAX_HISTORY = 50


@dataclass(frozen=True, slots=True)
class HistoryItem:
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


def recent_items(history: Iterable[HistoryItem], *, limit: int = MAX_HISTORY) -> list[HistoryItem]:
    """Return one row per item, newest item first, at most ``limit``.

    An item's row is its strongest event (the newest among equals); the item is as recent as its
    newest event. Events without a positive weight say nothing and are left out.
    """
    strongest: dict[str, HistoryItem] = {}
    newest: dict[str, str] = {}
    for row in history:
        if not row.weight > 0:
            continue
        known = strongest.get(row.item_id)
        if known is None or _strength(row) > _strength(known):
            strongest[row.item_id] = row
        newest[row.item_id] = max(newest.get(row.item_id, ""), row.at)
    return nlargest(
        limit, strongest.values(), key=lambda row: (newest[row.item_id], row.event_id, row.item_id)
    )


def rank(
    *,
    history: Sequence[HistoryItem],
    neighbours: Mapping[str, Sequence[Neighbour]],
    exclude: Collection[str],
    limit: int,
    causes: int = 3,
) -> list[Scored]:
    """Return the best items for a history, with the events that speak for each.

    The score of item j is the sum of ``v_i · W_ij`` over the user's 50 most recent items i, where
    ``v_i`` is the weight of the event and ``W_ij`` that of the neighbour.

    Parameters
    ----------
    history : sequence of HistoryItem
        In any order; see `recent_items` for what counts.
    neighbours : mapping of str to sequence of Neighbour
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
    rows = [(row, neighbours.get(row.item_id, ())) for row in recent_items(history)]
    scores: dict[str, float] = {}
    known = scores.get
    for row, near in rows:
        value = row.weight
        for item_id, weight, _ in near:
            scores[item_id] = known(item_id, 0.0) + value * weight
    for item_id in exclude:
        scores.pop(item_id, None)
    best = nsmallest(limit, [(-score, item_id) for item_id, score in scores.items() if score > 0])
    reasons = _reasons(rows, {item_id for _, item_id in best}) if causes > 0 else {}
    return [
        Scored(item_id, -negative, _causes(reasons.get(item_id, ()), total=-negative, limit=causes))
        for negative, item_id in best
    ]


def _strength(row: HistoryItem) -> tuple[float, str, str]:
    return row.weight, row.at, row.event_id


def _reasons(
    rows: Iterable[tuple[HistoryItem, Sequence[Neighbour]]], wanted: set[str]
) -> dict[str, list[tuple[float, HistoryItem]]]:
    reasons: dict[str, list[tuple[float, HistoryItem]]] = {item_id: [] for item_id in wanted}
    for row, near in rows:
        for item_id, weight, _ in near:
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
