"""What one stored event adds to the counters: a pure function, so that anybody may count again.

A row of counters is the sum of what all stored events contribute to it.
`recommendations.services.statistics` adds the difference between what an event contributes as it is
stored now and what it has contributed so far, which a ledger keeps.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from core.dynamodb.sharded import shard_of
from recommendations.credit import FOLLOWERS, OriginOf, Place, credit
from recommendations.engine.weights import DEFAULT_EVENT_WEIGHTS
from recommendations.entities import Event, Line
from recommendations.preferences import Preferences

CounterTable = Literal["item_stats", "placement_stats"]
Counts = Mapping[str, int | Decimal]

TOTAL = "total"
SHOP = "-"
# A placement's day is written by everybody at the same time, so it has several rows. They are
# random groups of users as well, from which `recommendations.estimates` knows how much chance
# there is in a rate: fewer groups would make its intervals wider.
DAY_SHARDS = 16

#: The name under which an event of each type is counted.
COUNTED_AS = {
    "purchase": "purchases",
    "cart": "carts",
    "view": "views",
    "like": "likes",
    "dislike": "dislikes",
    "impression": "impressions",
    "click": "clicks",
}
#: The name under which a line that is owed to a placement is counted, by the event's type.
ATTRIBUTED_AS = {
    "impression": "impressions",
    "click": "clicks",
    "cart": "carts",
    "purchase": "conversions",
}
#: Whole numbers in the proportion of the default weights: the order in which products are looked
#: at for a list. The weights that the shop has set then decide among those.
POINTS = {kind: round(10 * weight) for kind, weight in DEFAULT_EVENT_WEIGHTS.items()}


@dataclass(frozen=True, slots=True, order=True)
class CounterKey:
    """A row of counters.

    Attributes
    ----------
    table
        ``item_stats`` or ``placement_stats``.
    name
        The product or placement; ``-`` for the whole shop.
    period
        ``total`` or a day, as `item_day` and `placement_day` write it.
    """

    table: CounterTable
    name: str
    period: str


Contributions = dict[CounterKey, dict[str, int | Decimal]]


def item_day(day: str) -> str:
    """Return the period of a product's day (ISO 8601)."""
    return f"day#{day}"


def placement_day(day: str, *, variant: str = "", actor: str) -> str:
    """Return the period of a placement's day, variant and the shard that an actor belongs to."""
    return f"day#{day}#{variant}#{shard_of(actor, shards=DAY_SHARDS)}"


def contributions(
    event: Event,
    *,
    settings: Preferences,
    origin_of: OriginOf,
    clicks: Sequence[Event] = (),
) -> Contributions:
    """Return what an event adds to each row of counters; no number in it is negative or zero.

    Each row also counts in ``events`` how many events it is made of, so that it goes with the last
    one.

    Parameters
    ----------
    event
    settings
        The shop's settings at the time of counting.
    origin_of
        Reads a recommendation id; None for one that is not ours.
    clicks
        For a cart or a purchase: at least the clicks of the same user or session in the
        ``settings.attribution_days`` before it, in any order.
    """
    owed = credit(
        event,
        clicks=clicks,
        window=timedelta(days=settings.attribution_days),
        origin_of=origin_of,
    )
    return {**_of_items(event), **_of_shop(event, owed), **_of_placements(event, owed)}


def follows_clicks(event: Event) -> bool:
    """Tell whether the clicks before an event may change what it contributes."""
    return event.type in FOLLOWERS


def score(counts: Counts, *, weights: Mapping[str, float]) -> float:
    """Return the sum of counts, each times the weight of its type of event."""
    return sum(weight * int(counts.get(COUNTED_AS[kind], 0)) for kind, weight in weights.items())


def _of_items(event: Event) -> Contributions:
    found: Contributions = {}
    lines: dict[str, list[Line]] = defaultdict(list)
    for line in event.items:
        lines[line.item_id].append(line)
    for item_id, own in lines.items():
        counts = {"events": 1, COUNTED_AS[event.type]: 1, **sales(event, own)}
        if POINTS[event.type]:
            counts["points"] = POINTS[event.type]
        for period in (TOTAL, item_day(day_of(event))):
            found[CounterKey("item_stats", item_id, period)] = counts
    return found


def _of_shop(event: Event, owed: Mapping[Place, Sequence[Line]]) -> Contributions:
    key = CounterKey("placement_stats", SHOP, placement_day(day_of(event), actor=event.actor))
    counts = {"events": 1, COUNTED_AS[event.type]: 1, **sales(event, event.items)}
    lines = [line for own in owed.values() for line in own]
    if lines:
        counts |= {f"attributed_{name}": n for name, n in _attributed(event, lines).items()}
    return {key: counts}


def _of_placements(event: Event, owed: Mapping[Place, Sequence[Line]]) -> Contributions:
    day = day_of(event)
    return {
        CounterKey(
            "placement_stats",
            place.placement,
            placement_day(day, variant=place.variant, actor=event.actor),
        ): {"events": 1, **_attributed(event, lines)}
        for place, lines in owed.items()
    }


def _attributed(event: Event, lines: Sequence[Line]) -> dict[str, int | Decimal]:
    """Return what the lines that are owed to a placement count for; each product is one line."""
    counts = {ATTRIBUTED_AS[event.type]: len(lines), **sales(event, lines)}
    return {"lists": 1, **counts} if event.type == "impression" else counts


def day_of(event: Event) -> str:
    """Return the day of an event in UTC, as ISO 8601."""
    return event.timestamp.date().isoformat()


def sales(event: Event, lines: Sequence[Line]) -> dict[str, int | Decimal]:
    """Return the pieces sold and the money for them; nothing for other events than purchases."""
    if event.type != "purchase":
        return {}
    found: dict[str, int | Decimal] = {"units": sum(line.quantity for line in lines)}
    revenue = sum((line.quantity * line.price for line in lines if line.price), Decimal(0))
    return {**found, "revenue": revenue} if revenue else found
