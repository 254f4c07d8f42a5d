"""Counters are a function of what is stored, whatever is delivered, how often, in which order."""

import random
from collections.abc import Collection
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
import pytest

from core.dynamodb.errors import BatchIncompleteError
from core.dynamodb.meter import metered
from recommendations.entities import Line
from recommendations.models import ItemStatsRow
from recommendations.services import attribution, events, statistics
from recommendations.storage import statistics as storage
from recommendations.storage.events import EventKey, key_of
from recommendations.storage.serving import ServingState
from tests.recommendations.factories import START, event
from tests.recommendations.random_shop import Shop, dump

pytestmark = pytest.mark.usefixtures("dynamodb")


def only(generation: int) -> ServingState:
    return ServingState(generations=(generation,))


def counts(item_id: str, period: str = "total") -> dict[str, Any]:
    row = ItemStatsRow.load(item_id, f"1#{period}")
    return {} if row is None else storage.counts_of(row)


@pytest.mark.parametrize("seed", [1, 2])
def test_any_delivery_gives_the_same_rows_to_the_bit(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(seed)
    commit = storage.commit
    faults = random.Random(seed)

    def unreliable(*arguments: Any, **options: Any) -> None:
        fate = faults.random() if options["generation"] == 1 else 1.0
        if fate < 0.1:
            raise BatchIncompleteError(["refused"])
        if fate < 0.2:
            raise RuntimeError("killed before")
        commit(*arguments, **options)
        if fate < 0.3:
            raise RuntimeError("killed after")

    monkeypatch.setattr(storage, "commit", unreliable)
    waiting: list[EventKey] = []

    def deliver(keys: Collection[EventKey]) -> None:
        """Deliver to generation 1 as Lambda might: what failed stays, what is done may return."""
        try:
            failed = statistics.apply(keys=keys, state=only(1))
        except RuntimeError:
            failed = set(keys)
        for key in set(keys) - failed:
            if shop.random.random() < 0.8:
                waiting.remove(key)

    late_click = [
        event("ann", "tea", event_id="order", hours=2, kind="purchase"),
        event("ann", "tea", event_id="click", hours=1, kind="click"),
    ]
    for act in [*[shop.act] * 40, *(partial(shop.do, made) for made in late_click)]:
        key = act()
        waiting.append(key)
        # One delivery in order, of everything, at once.
        assert statistics.apply(keys=[key], state=only(2)) == set()
        if shop.random.random() < 0.3:
            deliver(shop.random.sample(sorted(set(waiting)), k=len(set(waiting)) // 2 + 1))
    while waiting:
        deliver(shop.random.sample(sorted(set(waiting)), k=min(7, len(set(waiting)))))
    # And a count from nothing.
    assert statistics.apply(keys=shop.stored, state=only(3)) == set()

    assert dump(1) == dump(2) == dump(3)
    assert {actor for name, actor, _ in dump() if name == "EffectsRow"} == {
        "ann",
        "bob",
        "session#s",
    }
    assert any("attributed_conversions" in row for row in dump().values())

    for gone in shop.stored.values():
        events.withdraw(actor=gone.actor, timestamp=gone.timestamp, event_id=gone.event_id)
    assert statistics.apply(keys=shop.stored, state=only(2)) == set()
    assert dump(2) == {}


def test_an_order_counts_once_per_product_with_its_pieces_and_money() -> None:
    order = msgspec.structs.replace(
        event("ann"),
        items=(
            Line("tea", 2, Decimal("2.50")),
            Line("tea", 1, Decimal("2.00")),
            Line("cup", 3),
        ),
    )
    events.record(events=[order, event("bob", "tea", kind="view")])
    statistics.apply(keys=[key_of(order), key_of(event("bob", "tea"))])

    tea = {"events": 2, "purchases": 1, "views": 1, "units": 3, "revenue": Decimal(7), "points": 12}
    assert counts("tea") == counts("tea", "day#2026-11-01") == tea
    assert counts("cup") == {"events": 1, "purchases": 1, "units": 3, "points": 10}


def test_an_event_of_more_products_than_a_transaction_takes_is_counted_whole() -> None:
    large = event("ann", *(f"item-{number:03}" for number in range(500)))
    events.record(events=[large])

    assert statistics.apply(keys=[key_of(large)]) == set()

    whole = dump()
    assert len(whole) == 1 + 2 * 500 + 1
    events.withdraw(actor="ann", timestamp=START, event_id="e-1")
    assert statistics.apply(keys=[key_of(large)]) == set()
    assert dump() == {}


def test_two_who_count_the_same_events_at_once_count_them_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = event("ann", "tea"), event("bob", "tea")
    events.record(events=[first, second])
    commit = storage.commit

    def late(*arguments: Any, **options: Any) -> None:
        monkeypatch.setattr(storage, "commit", commit)
        statistics.apply(keys=[key_of(first)])
        commit(*arguments, **options)

    monkeypatch.setattr(storage, "commit", late)
    assert statistics.apply(keys=[key_of(first), key_of(second)]) == set()

    assert counts("tea")["purchases"] == 2


@pytest.mark.parametrize("gone", ["order", "click"])
def test_what_is_withdrawn_while_it_is_being_counted_does_not_stay_counted(
    gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = attribution.new_id(recommender="popular", placement="home")
    click = msgspec.structs.replace(
        event("ann", "tea", event_id="click", kind="click"), recommendation_id=home
    )
    order = event("ann", "tea", event_id="order", hours=1)
    events.record(events=[click, order])
    commit = storage.commit

    def late(*arguments: Any, **options: Any) -> None:
        monkeypatch.setattr(storage, "commit", commit)
        one = {"click": click, "order": order}[gone]
        events.withdraw(actor="ann", timestamp=one.timestamp, event_id=one.event_id)
        # Told of it at once, this finds nothing counted yet, and so nothing to take back.
        assert statistics.apply(keys=[key_of(one)]) == set()
        commit(*arguments, **options)

    monkeypatch.setattr(storage, "commit", late)
    assert statistics.apply(keys=[key_of(order)]) == set()

    assert statistics.apply(keys=[key_of(order)], state=only(2)) == set()
    assert dump() == dump(2)


def test_events_of_one_batch_share_transactions() -> None:
    views = [event(f"u{n}", "tea", event_id=f"e-{n}", kind="view") for n in range(60)]
    events.record(events=views)

    with metered() as cost:
        statistics.apply(keys=[key_of(view) for view in views], state=ServingState())

    # The ledger, the events, one transaction for all (60 rows and some counters), and the events
    # once more.
    assert cost.round_trips == 4
    assert counts("tea")["views"] == 60
