"""Events are stored once each, and come back newest first in full pages."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
import pytest

from core.dynamodb.connection import call
from core.dynamodb.meter import metered
from core.pages import Page
from recommendations.entities import Event, Line
from recommendations.models import EventRow
from recommendations.storage import events, everyones_events, windows
from recommendations.storage.events import key_of
from tests.recommendations.factories import START, event

pytestmark = pytest.mark.usefixtures("dynamodb")


def test_an_event_comes_back_as_it_was_sent() -> None:
    sent = msgspec.structs.replace(
        event("17850"),
        items=(Line("85123A", 6, Decimal("2.55")), Line("71053")),
        session_id="s-1",
        order_id="536365",
        recommendation_id="r-1",
    )
    events.save([sent])

    found = events.find(actor="17850", timestamp=sent.timestamp, event_id=sent.event_id)

    assert found == sent


def test_the_same_event_again_changes_nothing_and_other_content_replaces_it() -> None:
    events.save([event("ann", "tea"), event("ann", "tea")])
    events.save([event("ann", "tea")])
    assert len(events.history(actor="ann", limit=10).rows) == 1

    events.save([event("ann", "cup")])
    (only,) = events.history(actor="ann", limit=10).rows
    assert only.items[0].item_id == "cup"


def test_a_history_is_read_in_full_pages_newest_first() -> None:
    events.save([event("ann", "tea", event_id=f"e-{n}", hours=n) for n in range(7)])
    events.save([event("bob", "cup")])

    seen = []
    position = None
    sizes = []
    while True:
        page = events.history(actor="ann", limit=3, position=position)
        seen += [row.event_id for row in page.rows]
        sizes.append(len(page.rows))
        position = page.next
        if position is None:
            break

    assert seen == [f"e-{n}" for n in range(6, -1, -1)]
    assert sizes == [3, 3, 1]


def test_a_last_page_that_is_exactly_full_has_no_next_one() -> None:
    events.save([event("ann", "tea", event_id=f"e-{n}", hours=n) for n in range(3)])

    assert events.history(actor="ann", limit=3).next is None


def test_a_history_can_be_narrowed_to_one_type() -> None:
    events.save([event("ann", "tea", kind="view"), event("ann", "cup", event_id="e-2", hours=1)])

    (only,) = events.history(actor="ann", limit=3, kind="view").rows

    assert only.type == "view"


def test_everyones_events_come_newest_first_across_months_and_shards() -> None:
    sent = [
        event(f"user-{n % 5}", "tea", event_id=f"e-{n:02}", hours=n * 130 % 2000) for n in range(40)
    ]
    events.save(sent)

    seen = []
    position = None
    while True:
        page = everyones_events.recent(limit=7, position=position)
        seen += [(row.timestamp, row.event_id) for row in page.rows]
        position = page.next
        if position is None:
            break
        assert len(page.rows) == 7

    assert seen == sorted(((e.timestamp, e.event_id) for e in sent), reverse=True)


def test_empty_months_cost_nothing_when_looking_for_the_newest_events() -> None:
    events.save([event("ann", "tea"), event("ann", "cup", event_id="e-2", hours=24 * 900)])

    with metered() as meter:
        assert len(everyones_events.recent(limit=2).rows) == 2

    # One for the months, and one per shard of the two that have events.
    assert meter.round_trips == 5


def test_a_page_among_known_months_reads_the_first_and_says_where_to_go_on() -> None:
    events.save([event("ann", "tea"), event("ann", "cup", event_id="e-2", hours=24 * 900)])
    months = everyones_events.months(limit=2)

    with metered() as meter:
        page = everyones_events.recent(limit=2, among=months)

    assert [row.event_id for row in page.rows] == ["e-2"]
    assert meter.round_trips == 2
    month, _ = page.next
    assert everyones_events.months(until=month, limit=2) == [month]
    rest = everyones_events.recent(limit=2, position=page.next, among=[month])
    assert [row.event_id for row in rest.rows] == ["e-1"]
    assert rest.next is None


def test_a_session_without_a_user_has_a_history_of_its_own() -> None:
    events.save([event(None, "tea", session="s-1"), event("s-1", "cup")])

    (only,) = events.history(actor="session#s-1", limit=5).rows

    assert only.user_id is None
    assert only.session_id == "s-1"


def test_a_withdrawn_event_is_gone_and_a_second_withdrawal_says_so() -> None:
    events.save([event("ann", "tea")])

    assert events.delete(actor="ann", timestamp=START, event_id="e-1")
    assert not events.delete(actor="ann", timestamp=START, event_id="e-1")
    assert events.history(actor="ann", limit=5).rows == ()


def test_erasing_removes_all_events_of_one_user_only() -> None:
    events.save([event("ann", "tea", event_id=f"e-{n}", hours=n) for n in range(30)])
    events.save([event("bob", "tea")])

    assert [events.erase(actor="ann", limit=20) for _ in range(3)] == [20, 10, 0]
    assert events.history(actor="ann", limit=5).rows == ()
    assert len(events.history(actor="bob", limit=5).rows) == 1


DAMAGES: list[dict[str, dict[str, str]]] = [
    {"lines": {"S": "[["}},
    {"lines": {"S": "7"}},
    {"lines": {"N": "7"}},
    {"lines": {"S": '[["tea"]]'}},
    {"lines": {"S": '[["tea","many",null]]'}},
    {"lines": {"S": '[["tea",1,"cheap"]]'}},
    {"type": {"S": "sneeze"}},
    {"type": {"N": "7"}},
    {"timestamp#event_id": {"S": "yesterday#e"}},
]


def test_a_damaged_event_costs_no_other_one_its_place() -> None:
    sent = [event("ann", "tea", event_id=f"e-{n}", hours=n) for n in range(7)]
    events.save(sent)
    pattern = call(
        "GetItem", TableName=EventRow.Meta.table_name, Key=EventRow.key(*key_of(sent[3]))
    )
    for number, damage in enumerate(DAMAGES):
        moment = {"S": f"2026-11-01T15:30:00.00000{number}Z#bad"}
        row = {**pattern["Item"], "timestamp#event_id": moment, **damage}
        row["entry"] = {"S": f"2026-11-01T15:30:00.00000{number}Z#bad"}
        call("PutItem", TableName=EventRow.Meta.table_name, Item=row)

    newest_first = sent[::-1]
    assert pages(lambda position: events.history(actor="ann", limit=2, position=position)) == (
        newest_first
    )
    assert pages(
        lambda position: events.history(actor="ann", limit=2, position=position, kind="purchase")
    ) == (newest_first)
    assert (
        pages(lambda position: everyones_events.recent(limit=2, position=position)) == newest_first
    )
    assert sorted(everyones_events.everything(), key=key_of) == sent
    span = (START, START + timedelta(days=1))
    assert windows.find(actor="ann", spans=[span], kinds=["purchase"]) == sent
    damaged = START.replace(hour=15, minute=30)
    assert events.find(actor="ann", timestamp=damaged, event_id="bad") is None
    assert events.delete(actor="ann", timestamp=damaged, event_id="bad")
    assert events.erase(actor="ann", limit=100) == len(sent) + len(DAMAGES) - 1


def pages(read: Callable[[Any], Page[Event]]) -> list[Event]:
    found: list[Event] = []
    page = read(None)
    found += page.rows
    while page.next is not None:
        page = read(page.next)
        found += page.rows
    return found


def test_purchases_are_found_at_once_behind_any_number_of_views() -> None:
    events.save([event("ann", "tea")])
    events.save(
        [event("ann", "cup", event_id=f"v-{n}", hours=n + 1, kind="view") for n in range(300)]
    )

    with metered() as meter:
        (only,) = events.history(actor="ann", limit=5, kind="purchase").rows

    assert only.items[0].item_id == "tea"
    assert meter.round_trips == 1


def test_what_hardly_anybody_did_is_looked_for_in_few_round_trips(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (events, everyones_events):
        monkeypatch.setattr(module, "FILTERED_PAGE", 20)
    events.save(
        [event("ann", "tea", kind="click"), event("ann", "tea [1", event_id="odd", hours=1)]
    )
    events.save(
        [event("ann", "cup", event_id=f"v-{n}", hours=2 + n, kind="view") for n in range(90)]
    )

    for narrowed in ({"kind": "click"}, {"item_id": "tea"}):
        for read in (everyones_events.recent, partial(events.history, actor="ann", reads=1)):
            with metered() as meter:
                page = read(limit=5, **narrowed)
            assert page.rows == ()
            assert meter.round_trips <= 3
            (only,) = pages(lambda at, read=read, how=narrowed: read(limit=5, position=at, **how))
            assert (only.type, only.items[0].item_id) == ("click", "tea")


def test_keys_of_the_longest_ids_keep_within_dynamodbs_limits() -> None:
    longest = "𝔸" * 128
    sent = event(None, "tea", session=longest, event_id=longest)
    events.save([sent])

    (row,) = EventRow.scan()

    assert len(row.moment.encode()) <= 1024
    assert len(row.entry.encode()) <= 1024
    assert len(row.actor_type.encode()) <= 2048
    assert everyones_events.recent(limit=1).rows == (sent,)
