"""Which lines of an event are owed to which recommendation.

An event that carries the id of an answer belongs to that answer as a whole. Other carts and
purchases belong, line by line, to the last click on the same product by the same user or session
within the window ("last click wins"); clicks are those on recommendations, with an id of ours.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from recommendations.attribution import DIRECT, Origin
from recommendations.entities import Event, Line

OriginOf = Callable[[str | None], Origin | None]

#: Types of events that are counted for the recommendation whose id they carry.
CARRIERS = frozenset({"impression", "click", "cart", "purchase"})
#: Types of events whose lines may also be owed to an earlier click.
FOLLOWERS = frozenset({"cart", "purchase"})


class Place(NamedTuple):
    """Where something was shown; for answers without a placement, ``direct`` and who gave them."""

    placement: str
    variant: str


def place_of(origin: Origin) -> Place:
    """Return under which name and variant an answer is counted."""
    if origin.placement:
        return Place(origin.placement, origin.variant)
    return Place(DIRECT, origin.recommender)


def credit(
    event: Event, *, clicks: Sequence[Event], window: timedelta, origin_of: OriginOf
) -> dict[Place, list[Line]]:
    """Return the lines of an event that are owed to recommendations.

    Parameters
    ----------
    event
    clicks
        At least the clicks of the same user or session within the window before the event; what
        else is among them changes nothing.
    window
        The longest time from a click to what follows it, both ends included.
    origin_of
        Reads a recommendation id; None for one that is not ours.
    """
    owed: dict[Place, list[Line]] = defaultdict(list)
    if event.type not in CARRIERS:
        return owed
    if own := origin_of(event.recommendation_id):
        owed[place_of(own)] += event.items
        return owed
    if event.type in FOLLOWERS:
        last = _last_clicks(event, clicks, window=window, origin_of=origin_of)
        for line in event.items:
            if line.item_id in last:
                owed[last[line.item_id]].append(line)
    return owed


def _last_clicks(
    event: Event, clicks: Sequence[Event], *, window: timedelta, origin_of: OriginOf
) -> dict[str, Place]:
    """Return by product where it was last clicked."""
    earliest = event.timestamp - window
    last: dict[str, Place] = {}
    # Equal times are told apart by the id, so that the order of the input does not matter.
    for click in sorted(clicks, key=lambda click: (click.timestamp, click.event_id)):
        if click.type != "click" or not earliest <= click.timestamp <= event.timestamp:
            continue
        if origin := origin_of(click.recommendation_id):
            last.update((line.item_id, place_of(origin)) for line in click.items)
    return last
