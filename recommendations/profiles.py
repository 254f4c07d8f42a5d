"""A user's profile: what counts of the past and the ready list, and its compact stored form.

A profile is a pure function of the user's events, of one model version and of the catalogue:
whoever computes it, and however often, the result is the same to the bit.
"""

import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import chain
from math import log1p

import msgspec

from core.validation import to_iso
from recommendations.engine.packing import Neighbours
from recommendations.engine.rank import HistoryItem, rank, recent_items
from recommendations.entities import Event
from recommendations.preferences import Preferences

READY = 100
# So many entries are also kept apart: most answers need no more of a profile.
HEAD = 20
# The ready lists that fill up a profile's own, in this order.
FALLBACKS = ("trending", "popular")
# Ready lists by the name of their recommender, in the order in which they fill up.
Fallbacks = Sequence[tuple[str, Sequence[tuple[str, float]]]]
MAX_EXCLUDED = 300
MAX_VIEWED = 50
MAX_REPEATS = 20
MAX_PURCHASES = 20
_DIGITS = 6


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One item of a ready list, with the recommender that put it there."""

    item_id: str
    score: float
    source: str


class Repeat(msgspec.Struct, frozen=True, gc=False):
    """A product that was bought more than once.

    Attributes
    ----------
    score
        ``log(1 + x)``, with x the newest 20 purchases, each halved for every half-life of age if
        the shop has set one. What other users come back for does not enter.
    purchases
        Those that were counted, newest first, each with its share of x as weight.
    """

    item_id: str
    score: float
    purchases: tuple[HistoryItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What counts of a user's events.

    Attributes
    ----------
    history
        The products that count, with their summed weight, at most 96.
    bought, disliked
        Products that are left out, newest first.
    viewed
        The products looked at, newest first.
    repeats
        The products bought more than once, best first.
    """

    history: tuple[HistoryItem, ...] = ()
    bought: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()
    viewed: tuple[str, ...] = ()
    repeats: tuple[Repeat, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is kept ready for a user.

    Attributes
    ----------
    stamp
        What it was computed with, besides the events.
    entries
        The ready list, at most 100, best first.
    """

    user_id: str
    stamp: str = ""
    past: Past = field(default_factory=Past)
    entries: tuple[Entry, ...] = ()
    digest: str = ""


def round_score(score: float) -> float:
    """Return a score with six significant digits, so that every machine stores the same."""
    return float(f"{score:.{_DIGITS}g}")


def past_of(events: Sequence[Event], preferences: Preferences) -> Past:
    """Return what counts of a user's newest events, newest first."""
    return Past(
        history=tuple(_history(events, preferences)),
        bought=_products(events, "purchase")[:MAX_EXCLUDED],
        disliked=_products(events, "dislike")[:MAX_EXCLUDED],
        viewed=_products(events, "view", "click")[:MAX_VIEWED],
        repeats=tuple(_repeats(events, preferences)),
    )


def _history(events: Sequence[Event], preferences: Preferences) -> list[HistoryItem]:
    weights = preferences.event_weights
    rows = recent_items(
        _row(event, line.item_id, weights[event.type] * _fading(event, events[0], preferences))
        for event in events
        for line in event.items
    )
    return [msgspec.structs.replace(row, weight=round_score(row.weight)) for row in rows]


def _row(event: Event, item_id: str, weight: float) -> HistoryItem:
    return HistoryItem(item_id, weight, event.type, to_iso(event.timestamp), event.event_id)


def _fading(event: Event, newest: Event, preferences: Preferences) -> float:
    """Return the factor of an event's age, counted back from the newest event."""
    if preferences.half_life_days is None:
        return 1.0
    age: float = (newest.timestamp - event.timestamp) / timedelta(days=preferences.half_life_days)
    return float(2.0 ** -max(age, 0.0))


def _products(events: Iterable[Event], *kinds: str) -> tuple[str, ...]:
    """Return the products of all events of some types, in their order, without repeats."""
    lines = chain.from_iterable(event.items for event in events if event.type in kinds)
    return tuple(dict.fromkeys(line.item_id for line in lines))


def _repeats(events: Sequence[Event], preferences: Preferences) -> list[Repeat]:
    purchases: dict[str, dict[str, HistoryItem]] = defaultdict(dict)
    for event in events:
        if event.type == "purchase":
            for line in event.items:
                row = _row(event, line.item_id, _fading(event, events[0], preferences))
                # Orders of one moment are one purchase: a split parcel is no second one.
                purchases[line.item_id].setdefault(row.at, row)
    found = []
    for item_id, rows in purchases.items():
        if len(rows) > 1:
            newest = list(rows.values())[:MAX_PURCHASES]
            total = sum(row.weight for row in newest)
            # Rounding down keeps the sum of the shares at 1 or below.
            shares = [
                msgspec.structs.replace(row, weight=int(1e6 * row.weight / total) / 1e6)
                for row in newest
            ]
            found.append(Repeat(item_id, round_score(log1p(total)), tuple(shares)))
    found.sort(key=lambda repeat: (-repeat.score, repeat.item_id))
    return found[:MAX_REPEATS]


def ready_list(
    *,
    history: Sequence[HistoryItem],
    neighbours: Mapping[str, Neighbours],
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


def make(*, user_id: str, stamp: str, past: Past, entries: Sequence[Entry]) -> Profile:
    """Return a profile with the digest of what is in it."""
    profile = Profile(user_id=user_id, stamp=stamp, past=past, entries=tuple(entries))
    text = _text(profile)
    digest = hashlib.sha256(f"{stamp}\n{text}".encode()).hexdigest()[:20]
    return replace(profile, digest=digest)


def _text(profile: Profile) -> str:
    """Return the content as JSON: events and sources once, then short rows that point at them."""
    events: dict[tuple[str, str, str], int] = {}

    def place(row: HistoryItem) -> int:
        return events.setdefault((row.event, row.at, row.event_id), len(events))

    past = profile.past
    history = [[row.item_id, row.weight, place(row)] for row in past.history]
    repeats = [
        [
            each.item_id,
            each.score,
            [row.weight for row in each.purchases],
            [place(row) for row in each.purchases],
        ]
        for each in past.repeats
    ]
    content = {
        "events": [list(event) for event in events],
        "history": history,
        "bought": past.bought,
        "disliked": past.disliked,
        "viewed": past.viewed,
        "repeats": repeats,
        "lists": _by_source(profile.entries),
    }
    return json.dumps(content, separators=(",", ":"))


def _by_source(entries: Iterable[Entry]) -> dict[str, list[tuple[str, float]]]:
    lists: dict[str, list[tuple[str, float]]] = {}
    for entry in entries:
        lists.setdefault(entry.source, []).append((entry.item_id, entry.score))
    return lists


def _from_lists(lists: Mapping[str, Iterable[tuple[str, float]]]) -> list[Entry]:
    return [
        Entry(item_id, score, source) for source, rows in lists.items() for item_id, score in rows
    ]


def encode(profile: Profile) -> bytes:
    """Return the stored form.

    A full profile with ids of ordinary length stays, with its head, under 4 KB: half a read unit.
    """
    return zlib.compress(_text(profile).encode(), level=9)


class _Content(msgspec.Struct, frozen=True, gc=False):
    """What `_text` writes."""

    events: list[tuple[str, str, str]]
    history: list[tuple[str, float, int]]
    bought: tuple[str, ...]
    disliked: tuple[str, ...]
    viewed: tuple[str, ...]
    repeats: list[tuple[str, float, list[float], list[int]]]
    lists: dict[str, list[tuple[str, float]]]


_DECODER = msgspec.json.Decoder(_Content)


def decode(*, user_id: str, stamp: str, packed: bytes, digest: str) -> Profile:
    """Turn the stored form back into a profile."""
    content = _DECODER.decode(zlib.decompress(packed))
    events = content.events
    past = Past(
        history=tuple(
            [HistoryItem(item, weight, *events[place]) for item, weight, place in content.history]
        ),
        bought=content.bought,
        disliked=content.disliked,
        viewed=content.viewed,
        repeats=tuple(
            Repeat(
                item_id,
                score,
                tuple(
                    [
                        HistoryItem(item_id, weight, *events[place])
                        for weight, place in zip(weights, places, strict=True)
                    ]
                ),
            )
            for item_id, score, weights, places in content.repeats
        ),
    )
    entries = tuple(_from_lists(content.lists))
    return Profile(user_id=user_id, stamp=stamp, past=past, entries=entries, digest=digest)


_HEAD_DECODER = msgspec.json.Decoder(dict[str, list[tuple[str, float]]])


def encode_head(profile: Profile) -> bytes:
    """Return the first 20 entries of the ready list, to be read without the rest."""
    return msgspec.json.encode(_by_source(profile.entries[:HEAD]))


def decode_head(packed: bytes) -> list[Entry]:
    """Turn the stored form of the first entries back into these."""
    return _from_lists(_HEAD_DECODER.decode(packed))
