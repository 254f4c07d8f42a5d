"""A user's profile: the history that counts and the ready list, and its compact stored form.

A profile is a pure function of the user's events and of one model version: whoever computes it,
and however often, the result is the same to the bit.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from core.validation import to_iso
from recommendations.engine.packing import Neighbour
from recommendations.engine.rank import HistoryItem, rank, recent_items
from recommendations.engine.weights import event_weight
from recommendations.entities import Event

READY = 100
# Ready lists by the name of their recommender, in the order in which they fill up.
Fallbacks = Sequence[tuple[str, Sequence[tuple[str, float]]]]
MAX_EXCLUDED = 300
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a ready list, with the recommender that put it there."""

    item_id: str
    score: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is kept ready for a user.

    Attributes
    ----------
    version
        The model version it was computed with.
    history
        The products that count, with their summed weight, at most 50.
    bought
        The products bought or disliked, which are left out by default, newest first.
    entries
        The ready list, at most 100, best first.
    """

    user_id: str
    version: str
    history: tuple[HistoryItem, ...]
    bought: tuple[str, ...]
    disliked: tuple[str, ...]
    entries: tuple[Entry, ...]
    digest: str = ""


def round_score(score: float) -> float:
    """Return a score with six significant digits, so that every machine stores the same."""
    return float(f"{score:.{_DIGITS}g}")


def history_items(events: Iterable[Event]) -> list[HistoryItem]:
    """Return the products that count in a user's events, at most 50."""
    return recent_items(
        HistoryItem(
            line.item_id,
            event_weight(event.type),
            event.type,
            to_iso(event.timestamp),
            event.event_id,
        )
        for event in events
        for line in event.items
    )


def products_of(events: Iterable[Event], *, kind: str) -> tuple[str, ...]:
    """Return the products of all events of one type, newest first, without repeats."""
    lines = chain.from_iterable(event.items for event in events if event.type == kind)
    return tuple(dict.fromkeys(line.item_id for line in lines))


def ready_list(
    *,
    history: Sequence[HistoryItem],
    neighbours: Mapping[str, Sequence[Neighbour]],
    fallbacks: Fallbacks,
    exclude: Collection[str],
    source: str,
) -> list[Entry]:
    """Return at most 100 items: those with a score of their own, then those of the fallbacks."""
    scored = rank(history=history, neighbours=neighbours, exclude=exclude, limit=READY, causes=0)
    entries = {row.item_id: Entry(row.item_id, round_score(row.score), source) for row in scored}
    for name, ready in fallbacks:
        for item_id, score in ready:
            if item_id not in exclude:
                entries.setdefault(item_id, Entry(item_id, score, name))
    return list(entries.values())[:READY]


def compute(
    *,
    user_id: str,
    version: str,
    events: Sequence[Event],
    neighbours: Mapping[str, Sequence[Neighbour]],
    fallbacks: Fallbacks,
) -> Profile:
    """Compute a profile from the user's newest events, newest first."""
    history = tuple(history_items(events))
    bought = products_of(events, kind="purchase")[:MAX_EXCLUDED]
    disliked = products_of(events, kind="dislike")[:MAX_EXCLUDED]
    entries = ready_list(
        history=history,
        neighbours=neighbours,
        fallbacks=fallbacks,
        exclude={*bought, *disliked},
        source="personal",
    )
    profile = Profile(
        user_id=user_id,
        version=version,
        history=history,
        bought=bought,
        disliked=disliked,
        entries=tuple(entries),
    )
    text = json.dumps([version, encode(profile)], separators=(",", ":"))
    return replace(profile, digest=hashlib.sha256(text.encode()).hexdigest()[:20])


def encode(profile: Profile) -> dict[str, Any]:
    """Return the stored form: events and sources once, then short rows that point at them.

    A full profile with ids of ordinary length stays under 8 KB: at most one read unit.
    """
    events: dict[tuple[str, str, str], int] = {}
    history = []
    for row in profile.history:
        key = (row.event, row.at, row.event_id)
        history.append([row.item_id, row.weight, events.setdefault(key, len(events))])
    lists: dict[str, list[list[Any]]] = {}
    for entry in profile.entries:
        lists.setdefault(entry.source, []).append([entry.item_id, entry.score])
    return {
        "events": [list(event) for event in events],
        "history": history,
        "bought": list(profile.bought),
        "disliked": list(profile.disliked),
        "lists": lists,
    }


def decode(*, user_id: str, version: str, content: Mapping[str, Any], digest: str) -> Profile:
    """Turn the stored form back into a profile."""
    events = content["events"]
    return Profile(
        user_id=user_id,
        version=version,
        history=tuple(
            HistoryItem(item_id, weight, *events[position])
            for item_id, weight, position in content["history"]
        ),
        bought=tuple(content["bought"]),
        disliked=tuple(content["disliked"]),
        entries=tuple(
            Entry(item_id, score, source)
            for source, rows in content["lists"].items()
            for item_id, score in rows
        ),
        digest=digest,
    )
