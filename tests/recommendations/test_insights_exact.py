"""What insights say is what a plain recount of the stored events says, however they came."""

import json
import random
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from recommendations import streams
from recommendations.entities import Event, Line
from recommendations.placements import Placement
from recommendations.services import attribution, events, insights, placements
from recommendations.storage.events import key_of
from tests.recommendations.factories import START

pytestmark = pytest.mark.usefixtures("dynamodb")

NAMES = ("lists", "impressions", "clicks", "carts", "conversions", "units", "revenue")
KINDS = ("impression", "click", "click", "click", "cart", "purchase", "purchase", "view")
LAST = START.date() + timedelta(days=20)
Recount = dict[tuple[str, date], Counter[str]]


def record(number: int, one: Event, *, gone: bool) -> dict[str, Any]:
    actor, moment = key_of(one)
    lines = json.dumps([[line.item_id, line.quantity, None] for line in one.items])
    images = {} if gone else {"NewImage": {"lines": {"S": lines}}}
    keys = {"user_id": {"S": actor}, "timestamp#event_id": {"S": moment}}
    return {
        "eventName": "REMOVE" if gone else "MODIFY",
        "dynamodb": {"Keys": keys, "SequenceNumber": str(number), **images},
    }


class Shop:
    """Customers who click, buy, correct and return, in no order of time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.stored: dict[object, Event] = {}
        self.places = {
            attribution.new_id(recommender="popular", placement="home", variant="a"): "home",
            attribution.new_id(recommender="popular", placement="home", variant="b"): "home",
            attribution.new_id(recommender="session", placement="basket"): "basket",
            attribution.new_id(recommender="similar"): "direct",
        }

    def act(self, number: int) -> dict[str, Any]:
        known = sorted(self.stored, key=str)
        if known and self.random.random() < 0.3:
            one = self.stored.pop(self.random.choice(known))
            events.withdraw(actor=one.actor, timestamp=one.timestamp, event_id=one.event_id)
            return record(number, one, gone=True)
        base = self._new(number)
        if known and self.random.random() < 0.25:
            base = self.stored[self.random.choice(known)]
        kind = self.random.choice(KINDS)
        carries = kind in {"impression", "click"} or self.random.random() < 0.1
        one = msgspec.structs.replace(
            base,
            type=kind,
            items=tuple(self._line() for _ in range(self.random.randint(1, 3))),
            recommendation_id=self.random.choice([*self.places, "forged"]) if carries else None,
        )
        events.record(events=[one])
        self.stored[key_of(one)] = one
        return record(number, one, gone=False)

    def _new(self, number: int) -> Event:
        return Event(
            event_id=f"e-{number}",
            # Whole days often, so that the ends of the window are met.
            timestamp=START + timedelta(days=self.random.choice([0, 7, 8, 14, 15, 4.5, 9.25])),
            type="view",
            items=(),
            **self.random.choice([{"user_id": "ann"}, {"session_id": "ann"}]),
        )

    def _line(self) -> Line:
        price = self.random.choice([None, Decimal("0.1"), Decimal("2.333333")])
        return Line(self.random.choice("xy"), self.random.randint(1, 3), price)

    def recount(self) -> Recount:
        found: Recount = defaultdict(Counter)
        for one in self.stored.values():
            for line in one.items if one.type != "view" else ():
                place = self.places.get(one.recommendation_id or "")
                if place is None and one.type in {"cart", "purchase"}:
                    place = self._clicked_before(one, line.item_id)
                for name in {place, "shop"} if place else ():
                    counts = found[name, one.timestamp.date()]
                    counts[f"{one.type}s"] += 1
                    if one.type == "purchase":
                        counts["units"] += line.quantity
                        counts["revenue"] += line.quantity * (line.price or 0)
            shown_in = self.places.get(one.recommendation_id or "")
            for name in (shown_in, "shop") if shown_in and one.type == "impression" else ():
                found[name, one.timestamp.date()]["lists"] += 1
        for counts in found.values():
            counts["conversions"] = counts.pop("purchases", 0)
        return found

    def _clicked_before(self, order: Event, item_id: str) -> str | None:
        place, latest = None, ""
        for click in self.stored.values():
            age = order.timestamp - click.timestamp
            if (
                click.type == "click"
                and (click.user_id, click.session_id) == (order.user_id, order.session_id)
                and timedelta(0) <= age <= timedelta(days=7)
                and any(line.item_id == item_id for line in click.items)
                and click.recommendation_id in self.places
                and f"{click.timestamp} {click.event_id}" > latest
            ):
                place, latest = (
                    self.places[click.recommendation_id],
                    f"{click.timestamp} {click.event_id}",
                )
        return place


def told(placement: str | None) -> dict[date, dict[str, Any]]:
    found = insights.report(since=START.date(), until=LAST, placement=placement)
    return {row.day: {name: getattr(row, name) for name in NAMES} for row in found.days}


@pytest.mark.parametrize("seed", [1, 3])
def test_counters_are_a_recount_of_the_stored_events_however_they_were_delivered(seed: int) -> None:
    for name in ("home", "basket"):
        placements.save(placement=Placement(name=name, recommender="popular"), by="ada")
    shop = Shop(seed)
    waiting: list[dict[str, Any]] = []
    done: list[dict[str, Any]] = []
    for number in range(60):
        waiting.append(shop.act(number))
        if number == 59 or shop.random.random() < 0.2:
            # All that is new, in any order and partly twice, and some that came before.
            batch = waiting + shop.random.choices(waiting, k=2) + done[:1]
            shop.random.shuffle(batch)
            assert streams.handler({"Records": batch}) == {"batchItemFailures": []}
            done, waiting = waiting, []

    expected = shop.recount()

    for placement in ("home", "basket", "direct", None):
        days = told(placement)
        assert days == {
            day: {name: expected[placement or "shop", day][name] for name in NAMES} for day in days
        }
    assert sum(expected["shop", day]["conversions"] for day in days) > 0
