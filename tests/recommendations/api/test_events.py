"""Events, over REST."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.validation import to_iso
from tests.api_client import api_client, error_of, send

pytestmark = pytest.mark.usefixtures("dynamodb")
EVENTS = "/api/v1/events/"
ORDER = {
    "event_id": "o-536365",
    "user_id": "17850",
    "type": "purchase",
    "timestamp": "2010-12-01T08:26:00Z",
    "items": [{"item_id": "85123A", "quantity": 6, "price": "2.55"}],
    "order_id": "536365",
    "recommendation_id": None,
    "session_id": None,
}


def history(user_id: str = "17850", **query: str) -> list[dict[str, Any]]:
    return api_client().get(f"/api/v1/users/{user_id}/events/", query).json()["results"]


def test_an_order_is_stored_and_a_retry_changes_nothing() -> None:
    client = api_client()

    answers = [send(client, "POST", EVENTS, ORDER) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json() == {
        "event_id": "o-536365",
        "timestamp": "2010-12-01T08:26:00Z",
        "user_id": "17850",
        "session_id": None,
    }  # fmt: skip
    assert history() == [ORDER]


def test_other_content_is_a_correction() -> None:
    send(api_client(), "POST", EVENTS, ORDER)
    send(api_client(), "POST", EVENTS, {**ORDER, "items": [{"item_id": "x"}]})

    assert [event["items"] for event in history()] == [
        [{"item_id": "x", "quantity": 1, "price": None}]
    ]


def test_the_server_makes_an_identity_where_none_is_given() -> None:
    before = datetime.now(UTC)
    body = {"user_id": "a", "type": "view", "items": [{"item_id": "x"}]}

    stored = send(api_client(), "POST", EVENTS, body).json()

    assert stored["event_id"]
    assert before <= datetime.fromisoformat(stored["timestamp"]) <= datetime.now(UTC)
    assert history("a")[0]["event_id"] == stored["event_id"]


def test_one_bad_event_costs_no_good_one_and_made_identities_are_told() -> None:
    rows = [
        ORDER,
        {**ORDER, "type": "theft"},
        {"session_id": "s1", "type": "view", "items": [{"item_id": "x"}]},
        {**ORDER, "timestamp": "1999-12-31T23:59:59Z"},
        "nonsense",
    ]

    answer = send(api_client(), "POST", EVENTS, rows)

    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    assert [row["index"] for row in answer.json()["rejected"]] == [1, 3, 4]
    assert [row["index"] for row in answer.json()["identified"]] == [2]
    assert len(history()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": None},
        {"user_id": "a#b"},
        {"user_id": 17850},
        {"event_id": "x" * 129},
        {"timestamp": None},
        {"timestamp": "2010-12-01 08:26"},
        {"timestamp": "2010-12-01T08:26:00"},
        {"timestamp": "1999-12-31T23:59:59Z"},
        {"timestamp": to_iso(datetime.now(UTC) + timedelta(days=1))},
        {"type": "theft"},
        {"type": None},
        {"items": []},
        {"items": None},
        {"items": [{"item_id": "x", "quantity": 0}]},
        {"items": [{"item_id": "x", "quantity": 1.5}]},
        {"items": [{"item_id": "x", "quantity": "2"}]},
        {"items": [{"item_id": "x", "price": "-1"}]},
        {"items": [{"item_id": "x", "colour": "red"}]},
        {"items": [{"quantity": 1}]},
        {"items": [{"item_id": "x"}] * 501},
        {"shop": "x"},
    ],
)
def test_wrong_events_are_refused(change: dict[str, Any]) -> None:
    body = {**ORDER, **change}

    error_of(send(api_client(), "POST", EVENTS, body), 400)
    assert send(api_client(), "POST", EVENTS, [body]).json()["accepted"] == 0
    assert history() == []


def test_an_event_is_withdrawn_once() -> None:
    client = api_client()
    send(client, "POST", EVENTS, ORDER)
    path = f"{EVENTS}o-536365/?user_id=17850&timestamp="

    error_of(send(client, "DELETE", path + "2010-12-01T08:27:00Z"), 404)
    # The same moment in another zone.
    assert send(client, "DELETE", path + "2010-12-01T09:26:00%2B01:00").status_code == 204
    error_of(send(client, "DELETE", path + "2010-12-01T08:26:00Z"), 404)
    assert history() == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "user_id=17850",
        "timestamp=2010-12-01T08:26:00Z",
        "user_id=17850&timestamp=soon",
        "user_id=17850&timestamp=2010-12-01T08:26:00",
        "user_id=17850&session_id=s&timestamp=2010-12-01T08:26:00Z",
        "user_id=a%23b&timestamp=2010-12-01T08:26:00Z",
    ],
)
def test_withdrawing_needs_the_whole_identity(query: str) -> None:
    error_of(send(api_client(), "DELETE", f"{EVENTS}o-1/?{query}"), 400)


def test_events_of_a_session_are_withdrawn_by_session() -> None:
    client = api_client()
    body = {**ORDER, "user_id": None, "session_id": "s1"}
    send(client, "POST", EVENTS, body)

    path = f"{EVENTS}o-536365/?session_id=s1&timestamp=2010-12-01T08:26:00Z"
    assert send(client, "DELETE", path).status_code == 204


def test_the_history_is_newest_first_and_filtered_by_type() -> None:
    client = api_client()
    rows = [
        {**ORDER, "event_id": f"e{day}", "timestamp": f"2011-01-0{day}T00:00:00Z", "type": kind}
        for day, kind in [(1, "view"), (3, "purchase"), (2, "view")]
    ]
    send(client, "POST", EVENTS, rows)

    assert [event["event_id"] for event in history()] == ["e3", "e2", "e1"]
    assert [event["event_id"] for event in history(type="view")] == ["e2", "e1"]
    error_of(client.get("/api/v1/users/17850/events/?type=theft"), 400)
    page = client.get("/api/v1/users/17850/events/?type=view&limit=1").json()
    assert client.get(page["next"]).json()["results"][0]["event_id"] == "e1"


def test_reading_events_needs_its_own_scope() -> None:
    error_of(api_client("users:read").get("/api/v1/users/a/events/"), 403)
    assert api_client("events:read").get("/api/v1/users/a/events/").status_code == 200
