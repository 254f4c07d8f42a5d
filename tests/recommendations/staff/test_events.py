"""Staff look through what customers did, by type, user and period."""

from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client

from recommendations.services import events
from tests.recommendations.factories import event

pytestmark = pytest.mark.usefixtures("dynamodb")

LogIn = Callable[[str], Client]
URL = "/admin/events/"


def rows(client: Client, address: str, query: dict[str, str]) -> HttpResponse:
    """Return what the browser asks for by itself, once the page has come."""
    page = client.get(address, query)
    return client.get(page.context["rows_url"])


def found(client: Client, **filters: str) -> list[str]:
    """Return the ids of the events on all pages, in order."""
    ids, address = [], URL
    query: dict[str, str] = filters
    while address:
        page = rows(client, address, query)
        ids += [row["key"].split("#")[1] for row in page.context["rows"]]
        address, query = page.context["pages"].get("next_url", ""), {}
    return ids


def test_a_period_bounds_the_list_for_everyone_for_one_user_and_for_a_type(log_in: LogIn) -> None:
    kinds = ("purchase", "view")
    events.record(
        events=[
            event("ann", "tea", event_id=f"e{n:02}", hours=8 * n, kind=kinds[n % 2])
            for n in range(90)
        ]
    )
    events.record(events=[event("bob", "tea", event_id="b", hours=24)])
    client = log_in("viewer")
    # From 1 November at noon, three events on each following day: at 4, 12 and 20 o'clock.
    days = {"since": "2026-11-02", "until": "2026-11-11"}
    own = [f"e{n:02}" for n in range(31, 1, -1)]

    assert [i for i in found(client, **days) if i != "b"] == own
    assert "b" in found(client, **days)
    assert found(client, user="ann", **days) == own
    for kind, ids in (("purchase", own[1::2]), ("view", own[::2])):
        assert found(client, user="ann", type=kind, **days) == ids
        assert [i for i in found(client, type=kind, **days) if i != "b"] == ids
    assert found(client, since="2026-11-30", user="ann") == ["e89", "e88", "e87", "e86"]
    assert found(client, until="2026-11-01") == ["e01", "e00"]


def test_an_item_narrows_the_list_for_everyone_and_for_one_user(log_in: LogIn) -> None:
    events.record(events=[event("ann", "tea", "cup"), event("bob", "cup", event_id="b", hours=1)])
    events.record(events=[event("ann", "tea 2", event_id="a2", hours=2)])
    client = log_in("viewer")

    assert found(client, item="cup") == ["b", "e-1"]
    assert found(client, item="tea") == ["e-1"]
    assert found(client, item="cup", user="ann") == ["e-1"]
    assert found(client, item="cup", type="view") == []


def test_a_page_and_its_rows_take_few_round_trips(log_in: LogIn) -> None:
    events.record(events=[event("ann", "tea", event_id=f"e{n}", hours=99 * n) for n in range(40)])
    client = log_in("viewer")

    address = URL
    while address:
        page = client.get(address)
        part = client.get(page.context["rows_url"])
        assert int(page["X-DynamoDB-Round-Trips"]) <= 2
        assert int(part["X-DynamoDB-Round-Trips"]) <= 4
        address = part.context["pages"].get("next_url")


def test_rows_that_nobody_prepared_lead_back_to_the_page(log_in: LogIn) -> None:
    answer = log_in("viewer").get(URL, {"type": "view", "rows": "forged"})

    assert answer.status_code == 302
    assert answer["Location"] == f"{URL}?type=view"


def test_days_that_make_no_sense_find_nothing_or_are_left_out(log_in: LogIn) -> None:
    events.record(events=[event("ann", "tea")])
    client = log_in("viewer")

    for user in ({}, {"user": "ann"}):
        assert found(client, since="2026-11-02", until="2026-11-01", **user) == []
        assert found(client, since="yesterday", **user) == ["e-1"]
    page = client.get(URL, {"until": "2026-11-02", "type": "view"}).content.decode()
    assert 'type="date" id="filter-until" name="until" value="2026-11-02"' in page
    assert '<input type="hidden" name="type" value="view">' in page
    empty = rows(client, URL, {"until": "2026-11-02", "type": "view"}).content.decode()
    assert "No events match" in empty


def test_a_page_that_found_nothing_yet_leads_on(log_in: LogIn) -> None:
    events.record(events=[event("bob", "tea", event_id="old", hours=-24)])
    views = [event("ann", "tea", event_id=f"v{n}", hours=24 * n, kind="view") for n in range(40)]
    events.record(events=views)
    client = log_in("viewer")

    page = rows(client, URL, {"type": "purchase"})

    assert "Look further back" in page.content.decode()
    assert found(client, type="purchase") == ["old"]
