"""Stream records bring profiles up to date, however often and in whatever order they come."""

import json
from collections.abc import Collection
from typing import Any

import pytest

from recommendations import streams
from recommendations.models import ProfileRow
from recommendations.services import catalogue, events, recommend
from tests.recommendations.factories import START, event, store_model
from users.entities import Customer
from users.services import customers

pytestmark = pytest.mark.usefixtures("dynamodb")

NEAR = {"tea": [("cup", 0.9)], "cake": [("plate", 0.8)]}


def record(user: str, number: int, *items: str, name: str = "INSERT") -> dict[str, Any]:
    change: dict[str, Any] = {
        "Keys": {"user_id": {"S": user}, "timestamp#event_id": {"S": "…"}},
        "SequenceNumber": str(number),
    }
    if name != "REMOVE":
        change["NewImage"] = {"lines": {"S": json.dumps([[item, 1, None] for item in items])}}
    return {"eventName": name, "dynamodb": change}


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
    streams.handler({"Records": [record("ann", 2, "cake")]})

    found = recommend.serve(recommender="personal", user_id="ann").results
    assert {row.item_id for row in found} == {"cup", "plate"}


def test_duplicated_reordered_and_split_batches_give_the_same_rows_to_the_bit() -> None:
    sent = [
        event(f"u{n % 3}", ["tea", "cake"][n % 2], event_id=f"e-{n}", hours=n) for n in range(9)
    ]
    records = [record(e.user_id or "", n, e.items[0].item_id) for n, e in enumerate(sent)]
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

    streams.handler({"Records": [record("ann", 2, name="REMOVE")]})

    assert stored() == {}


def test_an_old_record_does_not_bring_an_erased_user_back() -> None:
    events.record(events=[event("ann", "tea")])
    streams.handler({"Records": [record("ann", 1, "tea")]})
    customers.erase(user_id="ann")

    streams.handler({"Records": [record("ann", 1, "tea")]})

    assert customers.find(user_id="ann") is None
    assert stored() == {}


def test_a_record_that_cannot_be_read_is_reported_and_costs_no_other() -> None:
    events.record(events=[event("ann", "tea"), event("bob", "cake")])
    broken = record("bad", 2, "x")
    broken["dynamodb"]["NewImage"] = {"lines": {"S": "{"}}

    answer = streams.handler(
        {"Records": [record("ann", 1, "tea"), broken, record("bob", 3, "cake")]}
    )

    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert set(stored()) == {"ann", "bob"}


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

    streams.handler({"Records": [record("ann", 2, name="REMOVE")]})

    assert customers.find(user_id="ann") is not None
