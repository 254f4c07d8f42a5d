"""Stream records bring profiles up to date, however often and in whatever order they come."""

import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recommendations import streams
from recommendations.models import EventRow, ItemStatsRow, ProfileRow
from recommendations.services import (
    catalogue,
    dead_letters,
    events,
    following,
    profiles,
    recommend,
)
from recommendations.storage import serving
from recommendations.storage.events import key_of
from recommendations.storage.statistics import counts_of
from tests.recommendations.factories import START, event, store_model
from users.entities import Customer
from users.services import customers

pytestmark = pytest.mark.usefixtures("dynamodb")

NEAR = {"tea": [("cup", 0.9)], "cake": [("plate", 0.8)]}


def record(
    user: str, number: int, *items: str, hours: float = 0, event_id: str = "e-1", gone: bool = False
) -> dict[str, Any]:
    _, moment = key_of(event(user, event_id=event_id, hours=hours))
    change: dict[str, Any] = {
        "ApproximateCreationDateTime": 1_795_000_000 + number,
        "Keys": {"user_id": {"S": user}, "timestamp#event_id": {"S": moment}},
        "SequenceNumber": str(number),
    }
    if not gone:
        change["NewImage"] = {"lines": {"S": json.dumps([[item, 1, None] for item in items])}}
    return {"eventName": "REMOVE" if gone else "MODIFY", "dynamodb": change}


def stored() -> dict[str, dict[str, Any]]:
    return {row.user_id: row.serialize() for row in ProfileRow.scan()}


@pytest.fixture(autouse=True)
def _model() -> None:
    store_model("v1", NEAR)


def test_a_purchase_changes_the_stored_list() -> None:
    events.record(events=[event("ann", "tea")])
    assert streams.handler({"Records": [record("ann", 1, "tea")]}) == {"batchItemFailures": []}
    assert [e.item_id for e in recommend.serve(recommender="personal", user_id="ann").results] == [
        "cup"
    ]

    events.record(events=[event("ann", "cake", event_id="e-2", hours=1)])
    streams.handler({"Records": [record("ann", 2, "cake", event_id="e-2", hours=1)]})

    found = recommend.serve(recommender="personal", user_id="ann").results
    assert {row.item_id for row in found} == {"cup", "plate"}


def test_duplicated_reordered_and_split_batches_give_the_same_rows_to_the_bit() -> None:
    sent = [
        event(f"u{n % 3}", ["tea", "cake"][n % 2], event_id=f"e-{n}", hours=n) for n in range(9)
    ]
    records = [
        record(e.user_id or "", n, e.items[0].item_id, event_id=e.event_id, hours=n)
        for n, e in enumerate(sent)
    ]
    events.record(events=sent)

    streams.handler({"Records": records})
    once = stored()
    streams.handler({"Records": records[::-1] + records[:4]})
    for one in records:
        streams.handler({"Records": [one]})

    assert stored() == once
    assert set(once) == {"u0", "u1", "u2"}


def test_the_users_and_products_that_events_name_are_created() -> None:
    events.record(events=[event("ann", "tea", "new")])

    streams.handler({"Records": [record("ann", 1, "tea", "new")]})

    assert customers.find(user_id="ann") is not None
    assert catalogue.find_many(item_ids=["tea", "new"]).keys() == {"tea", "new"}


def test_a_withdrawn_event_leaves_no_trace_in_the_list() -> None:
    events.record(events=[event("ann", "tea")])
    streams.handler({"Records": [record("ann", 1, "tea")]})
    events.withdraw(actor="ann", timestamp=START, event_id="e-1")

    streams.handler({"Records": [record("ann", 2, gone=True)]})

    assert stored() == {}


def test_an_old_record_does_not_bring_an_erased_user_back() -> None:
    events.record(events=[event("ann", "tea")])
    streams.handler({"Records": [record("ann", 1, "tea")]})
    customers.erase(user_id="ann")

    streams.handler({"Records": [record("ann", 1, "tea")]})

    assert customers.find(user_id="ann") is None
    assert stored() == {}


def views(item_id: str) -> dict[str, Any]:
    row = ItemStatsRow.load(item_id, "1#total")
    return {} if row is None else counts_of(row)


def test_what_is_delivered_is_counted_and_listed() -> None:
    events.record(events=[event("ann", "tea"), event("bob", "tea", kind="view")])

    streams.handler({"Records": [record("ann", 1, "tea"), record("bob", 2, "tea")] * 2})

    assert views("tea") == {"events": 2, "purchases": 1, "views": 1, "units": 1, "points": 12}
    live = serving.candidates(version="live", lists=["popular", "latest"]).lists
    assert [item_id for item_id, _ in live["popular"]] == ["tea"]
    assert [item_id for item_id, _ in live["latest"]] == ["tea"]


def test_a_record_that_can_never_be_read_is_a_dead_letter_and_costs_no_other() -> None:
    events.record(events=[event("ann", "tea"), event("bad", "tea"), event("bob", "cake")])
    broken = record("bad", 2, "x")
    broken["dynamodb"]["NewImage"] = {"lines": {"S": "{"}}
    no_key = record("bad", 3, "x")
    del no_key["dynamodb"]["Keys"]["timestamp#event_id"]

    for _ in range(2):
        answer = streams.handler(
            {"Records": [record("ann", 1, "tea"), broken, no_key, record("bob", 4, "cake")]}
        )
        assert answer == {"batchItemFailures": []}

    assert set(stored()) == {"ann", "bob"}
    no_key_letter, letter = dead_letters.listing(limit=5).rows
    assert letter.key == key_of(event("bad"))
    assert "JSONDecodeError" in letter.reason
    assert no_key_letter.key is None
    assert not dead_letters.retry(letter_id=no_key_letter.letter_id)
    assert dead_letters.discard(letter_id=no_key_letter.letter_id)

    # What is stored is in order: only the record was not.
    assert dead_letters.retry(letter_id=letter.letter_id)
    assert dead_letters.listing(limit=5).rows == ()
    assert set(stored()) == {"ann", "bad", "bob"}


def test_an_event_that_is_stored_broken_is_found_among_the_others() -> None:
    sent = [event(f"u{n}", "tea", kind="view") for n in range(7)]
    events.record(events=sent)
    row = EventRow.load(*key_of(sent[3]))
    assert row is not None
    row.update(actions=[EventRow.type.set("gift")])

    answer = streams.handler({"Records": [record(f"u{n}", n, "tea") for n in range(7)]})

    assert answer == {"batchItemFailures": []}
    assert views("tea")["views"] == 6
    (letter,) = dead_letters.listing(limit=5).rows
    assert letter.key == key_of(sent[3])
    assert not dead_letters.retry(letter_id=letter.letter_id)

    events.record(events=[sent[3]])
    assert dead_letters.retry(letter_id=letter.letter_id)
    assert views("tea")["views"] == 7


def test_what_may_pass_comes_again_and_is_no_dead_letter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events.record(events=[event("ann", "tea"), event("bob", "tea")])
    refresh = profiles.refresh

    def contended(*, user_id: str) -> Any:
        if user_id == "ann":
            raise profiles.ContendedProfileError("others")
        return refresh(user_id=user_id)

    monkeypatch.setattr(profiles, "refresh", contended)
    answer = streams.handler({"Records": [record("ann", 1, "tea"), record("bob", 2, "tea")]})

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert dead_letters.listing(limit=5).rows == ()
    assert set(stored()) == {"bob"}


def test_anonymous_sessions_get_no_profile_and_no_customer() -> None:
    events.record(events=[event(None, "tea", session="s-1")])

    answer = streams.handler({"Records": [record("session#s-1", 1, "tea")]})

    assert answer == {"batchItemFailures": []}
    assert stored() == {}
    assert customers.listing(limit=5).rows == ()


def test_log_lines_name_no_user(caplog: pytest.LogCaptureFixture) -> None:
    broken = record("secret-user", 7, "x")
    broken["dynamodb"]["NewImage"] = {"lines": {"S": "{"}}

    streams.handler({"Records": [broken]})

    assert "7" in caplog.text
    assert "secret-user" not in caplog.text


def test_who_is_erased_while_a_batch_is_handled_stays_erased(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events.record(events=[event("ann", "tea"), event("bob", "tea")])
    ensure = customers.ensure

    def erase_then_ensure(*, user_ids: Collection[str]) -> set[str]:
        customers.erase(user_id="ann")
        return ensure(user_ids=user_ids)

    monkeypatch.setattr(customers, "ensure", erase_then_ensure)
    streams.handler({"Records": [record("ann", 1, "tea"), record("bob", 2, "tea")]})

    assert [row.user_id for row in customers.listing(limit=5).rows] == ["bob"]


def test_a_customer_that_the_shop_created_stays_when_the_last_event_is_withdrawn() -> None:
    customers.save(customers=[Customer(user_id="ann")])
    events.record(events=[event("ann", "tea")])
    streams.handler({"Records": [record("ann", 1, "tea")]})
    events.withdraw(actor="ann", timestamp=START, event_id="e-1")

    streams.handler({"Records": [record("ann", 2, gone=True)]})

    assert customers.find(user_id="ann") is not None


def test_how_long_records_have_waited_is_noted_where_they_say_it() -> None:
    waiting = record("ann", 1, "tea")
    stored_at = datetime.now(UTC) - timedelta(seconds=90)
    waiting["dynamodb"]["ApproximateCreationDateTime"] = stored_at.timestamp()
    streams.handler({"Records": [waiting]})
    noted = following.state().handled
    assert noted is not None
    assert timedelta(seconds=90) <= noted.waited < timedelta(seconds=120)

    del waiting["dynamodb"]["ApproximateCreationDateTime"]
    assert streams.handler({"Records": [waiting]}) == {"batchItemFailures": []}
    again = following.state().handled
    assert again is not None
    assert again.waited == timedelta(0)
