"""Whatever DynamoDB does, a request costs retries, then a 503, and never a row."""

import time
from collections import Counter
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from core.api.errors import RETRY_SECONDS
from core.api.idempotency import IN_FLIGHT_SECONDS
from recommendations.models import EventRow, ItemRow, TermRow
from recommendations.services import catalogue, events
from tests.api_client import api_client, error_of, send
from tests.faults.conftest import (
    Faults,
    Hook,
    answer_lost,
    broken,
    half_unprocessed,
    hung_up,
    throttled,
    timed_out,
    unreachable,
)
from tests.recommendations.factories import event, store_model
from users.models import CustomerRow
from users.services import customers

PASSING = [throttled, broken, unreachable, timed_out, answer_lost, hung_up, half_unprocessed]
LASTING = [throttled, broken, unreachable, timed_out]
API = "/api/v1"
EVENTS = [
    {
        "event_id": f"e-{number}",
        "user_id": f"u-{number % 5}",
        "type": "purchase",
        "timestamp": f"2025-03-{number % 28 + 1:02}T08:00:00Z",
        "items": [{"item_id": f"i-{number}", "price": "2.10"}],
    }
    for number in range(60)
]
ITEMS = [
    {"item_id": f"i-{number}", "name": f"Thing {number}", "categories": ["all"], "price": "2.10"}
    for number in range(40)
]
USERS = [{"user_id": f"u-{number}", "name": f"Ada {number}"} for number in range(40)]
WRITES: dict[str, tuple[str, str, Any]] = {
    "event": ("POST", f"{API}/events/", EVENTS[0]),
    "events": ("POST", f"{API}/events/", EVENTS),
    "item": ("PUT", f"{API}/items/i-0/", {"name": "Thing 0"}),
    "items": ("POST", f"{API}/items/bulk/", ITEMS),
    "user": ("PUT", f"{API}/users/u-0/", {"name": "Ada"}),
    "users": ("POST", f"{API}/users/bulk/", USERS),
}


@pytest.fixture
def client(faults: Faults) -> Client:
    client = api_client()
    # The key is remembered from here on.
    assert client.get(f"{API}/items/").status_code == 200
    return client


def busy(response: HttpResponse) -> None:
    error = error_of(response, 503)
    assert error["code"] == "unavailable"
    assert response["Retry-After"] == str(RETRY_SECONDS)


def stored() -> Counter[str]:
    return Counter(
        [
            *(f"event {row.actor} {row.moment}" for row in EventRow.scan()),
            *(f"item {row.item_id}" for row in ItemRow.scan() if not row.deleted),
            *(f"user {row.user_id}" for row in CustomerRow.scan()),
        ]
    )


@pytest.mark.parametrize("fault", PASSING, ids=lambda hook: hook.__name__)
def test_what_passes_costs_a_retry_and_no_row(fault: Hook, client: Client, faults: Faults) -> None:
    for write in WRITES.values():
        faults.first(fault, times=2)
        assert send(client, *write).status_code in {200, 201, 202}, write
    faults.none()

    assert len(stored()) == len(EVENTS) + len(ITEMS) + len(USERS)


@pytest.mark.parametrize("fault", LASTING, ids=lambda hook: hook.__name__)
def test_what_lasts_is_a_503_and_sending_again_makes_all_good(
    fault: Hook, client: Client, faults: Faults
) -> None:
    for write in WRITES.values():
        faults.always(fault)
        busy(send(client, *write))
        assert sum(faults.sent.values()) > 3
        faults.none()
        assert send(client, *write).status_code in {200, 201, 202}
    faults.none()

    assert len(stored()) == len(EVENTS) + len(ITEMS) + len(USERS)


@pytest.mark.parametrize("fault", [throttled, timed_out], ids=lambda hook: hook.__name__)
def test_half_of_a_bulk_is_kept_and_the_rest_comes_with_the_next(
    fault: Hook, client: Client, faults: Faults
) -> None:
    def after_the_second(operation: str, number: int) -> Hook | None:
        return fault if operation == "BatchWriteItem" and number > 2 else None

    for name in ("events", "items", "users"):
        faults.none()
        faults.fails = after_the_second
        busy(send(client, *WRITES[name]))
    faults.none()
    part = len(stored())
    assert 0 < part < len(EVENTS) + len(ITEMS) + len(USERS)

    for name in ("events", "items", "users"):
        assert send(client, *WRITES[name]).status_code in {200, 201, 202}
    assert len(stored()) == len(EVENTS) + len(ITEMS) + len(USERS)
    assert len([row for row in TermRow.scan() if row.term == "category#available#all"]) == 40


def unnamed(number: int) -> dict[str, Any]:
    return {"user_id": "u-1", "type": "view", "items": [{"item_id": f"i-{number}"}]}


@pytest.mark.parametrize(
    ("operation", "from_number", "status"),
    [("BatchWriteItem", 2, 503), ("BatchWriteItem", 3, 503), ("PutItem", 2, 202)],
)
@pytest.mark.parametrize("fault", [throttled, timed_out], ids=lambda hook: hook.__name__)
def test_events_without_ids_are_stored_once_under_an_idempotency_key(
    operation: str,
    from_number: int,
    status: int,
    fault: Hook,
    client: Client,
    faults: Faults,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = [unnamed(number) for number in range(60)]
    faults.none()
    faults.fails = lambda sent, number: (
        fault if sent == operation and number >= from_number else None
    )
    first = send(client, "POST", f"{API}/events/", body, Idempotency_Key="k")
    assert first.status_code == status
    faults.none()
    if status == 202:
        # Nobody could note that it was done; the claim ends by itself.
        later = time.time() + IN_FLIGHT_SECONDS
        monkeypatch.setattr("core.api.idempotency.time.time", lambda: later)

    again = send(client, "POST", f"{API}/events/", body, Idempotency_Key="k")

    assert again.status_code == 202, again.content
    assert len({row["event_id"] for row in again.json()["identified"]}) == 60
    assert len(stored()) == 60


def test_a_lost_answer_to_a_claim_is_no_second_request(client: Client, faults: Faults) -> None:
    faults.first(answer_lost, "PutItem")

    response = send(client, "POST", f"{API}/events/", [unnamed(1)], Idempotency_Key="k")

    assert response.status_code == 202, response.content
    faults.none()
    assert len(stored()) == 1


@pytest.mark.parametrize("fault", [answer_lost, hung_up, throttled, timed_out])
def test_changes_and_deletions_are_done_once(fault: Hook, client: Client, faults: Faults) -> None:
    faults.none()
    for name in ("items", "users", "events"):
        send(client, *WRITES[name])

    def spoiled(method: str, path: str, body: Any = None) -> HttpResponse:
        faults.first(fault, times=1)
        response = send(client, method, path, body)
        faults.none()
        return response

    item, user = f"{API}/items/i-1/", f"{API}/users/u-1/"
    assert spoiled("PATCH", item, {"price": "3.50"}).json()["price"] == "3.50"
    assert catalogue.find(item_id="i-1").name == "Thing 1"
    assert spoiled("PATCH", user, {"name": "Bob"}).json()["name"] == "Bob"
    assert spoiled("DELETE", item).status_code == 204
    receipt = spoiled("DELETE", user)
    assert receipt.status_code == 200, receipt.content
    assert receipt.json()["erased"]["users"] == 1
    assert not any(receipt.json()["remaining"].values())
    event_path = f"{API}/events/e-0/?user_id=u-0&timestamp=2025-03-01T08:00:00Z"
    assert spoiled("DELETE", event_path).status_code == 204
    assert catalogue.find(item_id="i-1") is None
    assert customers.find(user_id="u-1") is None


READS = [
    "/recommendations/users/u-1/",
    "/recommendations/users/u-1/?explain=true&category=all",
    "/recommendations/popular/",
    "/items/i-1/similar/",
    "/items/i-1/",
    "/items/?q=thing",
    "/items/?category=all",
    "/users/?q=u",
    "/users/u-1/events/",
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda hook: hook.__name__)
def test_reading_goes_on_after_what_passes(fault: Hook, client: Client, faults: Faults) -> None:
    shop(client, faults)
    before = {path: results(client.get(f"{API}{path}")) for path in READS}
    assert all(before.values())

    for path in READS:
        faults.first(fault, times=2)
        assert results(client.get(f"{API}{path}")) == before[path], path


@pytest.mark.parametrize("fault", LASTING, ids=lambda hook: hook.__name__)
def test_reading_says_503_while_it_lasts(fault: Hook, client: Client, faults: Faults) -> None:
    shop(client, faults)
    for path in READS:
        faults.always(fault)
        busy(client.get(f"{API}{path}"))


def shop(client: Client, faults: Faults) -> None:
    faults.none()
    for name in ("items", "users", "events"):
        send(client, *WRITES[name])
    store_model("v1", {f"i-{n}": [("i-30", 0.9), ("i-31", 0.5)] for n in range(30)},
                popular=[f"i-{n}" for n in range(30, 40)])  # fmt: skip
    events.record(events=[event("u-1", "i-1", event_id="o-9")])


def results(response: HttpResponse) -> Any:
    assert response.status_code == 200, response.content
    body = response.json()
    return body.get("results", body)
