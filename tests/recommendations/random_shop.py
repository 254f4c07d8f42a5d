"""A shop whose customers act at random, and all that is derived from what they do."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec

from recommendations.entities import EVENT_TYPES, Event, Line
from recommendations.models import EffectsRow, ItemStatsRow, PlacementStatsRow
from recommendations.services import attribution, events
from recommendations.storage.events import EventKey, key_of
from tests.recommendations.factories import START

ITEMS = ("tea", "cup", "cake")
PRICES = (None, Decimal("2.50"), Decimal("0.333333"), Decimal(7))
Dump = dict[tuple[str, ...], dict[str, Any]]


def dump(generation: int = 1) -> Dump:
    """Return all derived rows of a generation as DynamoDB has them, but for its number."""
    found: Dump = {}
    for table in (EffectsRow, ItemStatsRow, PlacementStatsRow):
        hash_key, range_key = table.key_names()
        for row in table.scan():
            raw = row.serialize()
            number, _, rest = raw.pop(range_key)["S"].partition("#")
            if "board" in raw:
                raw["board"] = raw["board"]["S"].partition("#")[2]
            # DynamoDB keeps no zeros at the end of a number; MiniStack's transactions do.
            raw |= {
                name: Decimal(value["N"]).normalize() for name, value in raw.items() if "N" in value
            }
            if int(number) == generation:
                found[table.__name__, raw.pop(hash_key)["S"], rest] = raw
    return found


class Shop:
    """Random customers: what they do, correct and take back, as a list of keys that changed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.stored: dict[EventKey, Event] = {}
        self.ids = [attribution.new_id(recommender="similar", placement="home"), "foreign", None]

    def act(self) -> EventKey:
        if self.stored and self.random.random() < 0.25:
            gone = self.stored.pop(self.random.choice(sorted(self.stored)))
            events.withdraw(actor=gone.actor, timestamp=gone.timestamp, event_id=gone.event_id)
            return key_of(gone)
        known = self.random.random() < 0.3 and self.stored
        base = self.stored[self.random.choice(sorted(self.stored))] if known else self._new()
        made = msgspec.structs.replace(
            base,
            type=self.random.choice([*EVENT_TYPES, "purchase", "click"]),
            items=tuple(self._line() for _ in range(self.random.randint(1, 3))),
            recommendation_id=self.random.choice(self.ids),
        )
        return self.do(made)

    def do(self, made: Event) -> EventKey:
        if made.event_id == "click":
            made = msgspec.structs.replace(made, recommendation_id=self.ids[0])
        events.record(events=[made])
        self.stored[key_of(made)] = made
        return key_of(made)

    def _new(self) -> Event:
        return Event(
            event_id=f"e-{self.random.randrange(10**9)}",
            timestamp=START + timedelta(days=self.random.uniform(0, 9)),
            type="view",
            items=(),
            **self.random.choice([{"user_id": "ann"}, {"user_id": "bob"}, {"session_id": "s"}]),
        )

    def _line(self) -> Line:
        return Line(
            self.random.choice(ITEMS), self.random.randint(1, 9), self.random.choice(PRICES)
        )
