"""The catalogue, over REST."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from core.dynamodb.attributes import DecimalAttribute
from core.dynamodb.connection import call
from recommendations.models import ItemRow
from recommendations.services import catalogue
from recommendations.storage import items as storage
from tests.api_client import api_client, error_of, send

pytestmark = pytest.mark.usefixtures("dynamodb")
ITEMS = "/api/v1/items/"
FULL = {
    "item_id": "85123A",
    "name": "White hanging heart",
    "categories": ["home", "lights"],
    "price": "2.55",
    "currency": "GBP",
    "available": True,
    "image_url": "https://shop.example/a.png",
    "url": "https://shop.example/a",
    "labels": ["new"],
    "attributes": {"weight": 0.5},
    "published_at": "2010-12-01T08:26:00Z",
}


def test_an_item_is_saved_read_changed_and_deleted() -> None:
    client = api_client()

    created = send(client, "POST", ITEMS, FULL)
    assert (created.status_code, created.json()) == (201, FULL)
    assert client.get(f"{ITEMS}85123A/").json() == FULL

    changed = send(client, "PATCH", f"{ITEMS}85123A/", {"price": "3", "published_at": None})
    assert changed.json() == {**FULL, "price": "3", "published_at": None}
    assert client.get(f"{ITEMS}85123A/").json() == changed.json()

    replaced = send(client, "PUT", f"{ITEMS}85123A/", {"name": "Heart"})
    assert replaced.json()["price"] is None
    assert replaced.json()["available"] is True

    deleted = send(client, "DELETE", f"{ITEMS}85123A/")
    assert (deleted.status_code, deleted.content) == (204, b"")
    for method in ("GET", "DELETE"):
        error_of(send(client, method, f"{ITEMS}85123A/"), 404)
    error_of(send(client, "PATCH", f"{ITEMS}85123A/", {}), 404)
    assert client.get(ITEMS).json()["results"] == []


def test_what_is_new_is_answered_with_201_and_what_is_replaced_with_200() -> None:
    client = api_client()
    path = f"{ITEMS}a/"

    def saved(method: str, path: str, body: dict[str, str]) -> tuple[int, str | None]:
        answer = send(client, method, path, body)
        return answer.status_code, answer.headers.get("Location")

    address = f"http://testserver{path}"
    assert saved("PUT", path, {"name": "A"}) == (201, None)
    assert saved("PUT", path, {"name": "B"}) == (200, None)
    assert saved("POST", ITEMS, {"item_id": "a", "name": "C"}) == (200, None)
    assert client.delete(path).status_code == 204
    assert saved("POST", ITEMS, {"item_id": "a", "name": "D"}) == (201, address)
    users = "/api/v1/users/"
    assert [saved("PUT", f"{users}u/", {})[0] for _ in range(2)] == [201, 200]
    placement = {"recommender": "popular"}
    assert [saved("PUT", "/api/v1/placements/p/", placement)[0] for _ in range(2)] == [201, 200]


def test_prices_stay_exact() -> None:
    client = api_client()
    for price in ("0.1", "2.10", "19.990", "999999999999.999999", "0"):
        body = {"name": "x", "price": price}
        assert send(client, "PUT", f"{ITEMS}a/", body).status_code in {200, 201}
        stored = client.get(f"{ITEMS}a/").json()["price"]
        assert str(catalogue.find(item_id="a").price) == stored == price


def test_prices_stored_as_numbers_are_read_and_changed() -> None:
    client = api_client()
    send(client, "PUT", f"{ITEMS}a/", {"name": "x", "price": "2.10"})
    ItemRow("a").update(actions=[DecimalAttribute(attr_name="price").set(Decimal("2.1"))])
    (stored,) = call("Scan", TableName=ItemRow.Meta.table_name)["Items"]
    assert stored["price"] == {"N": "2.1"}

    assert client.get(f"{ITEMS}a/").json()["price"] == "2.1"
    assert send(client, "PATCH", f"{ITEMS}a/", {"name": "y"}).json()["price"] == "2.1"
    assert client.get(f"{ITEMS}a/").json()["name"] == "y"


def test_two_changes_at_the_same_moment_both_last() -> None:
    client = api_client()
    send(client, "POST", ITEMS, FULL)
    changes = [{"name": "Heart"}, {"price": "3.10"}, {"labels": ["old"]}, {"categories": ["red"]}]

    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = list(
            pool.map(lambda change: send(client, "PATCH", f"{ITEMS}85123A/", change), changes)
        )

    assert [answer.status_code for answer in answers] == [200] * 4
    after = {**FULL, **{name: value for change in changes for name, value in change.items()}}
    assert client.get(f"{ITEMS}85123A/").json() == after
    assert found(client, category="red") == ["85123A"] == found(client, q="heart")
    assert found(client, category="home") == []


def test_a_term_left_behind_by_a_lost_race_shows_nothing() -> None:
    client = api_client()
    send(client, "POST", ITEMS, FULL)
    item = catalogue.find(item_id="85123A")
    other = msgspec.structs.replace(item, categories=("red",), available=False)

    assert not storage.replace(msgspec.structs.replace(item, name="was never so"), other)

    assert found(client, category="red") == []
    assert found(client, category="home") == ["85123A"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", "-1"),
        ("price", "NaN"),
        ("price", "Infinity"),
        ("price", "cheap"),
        ("price", "1e13"),
        ("price", True),
        ("price", []),
        ("currency", "pounds"),
        ("currency", "GBP\n"),
        ("available", "yes"),
        ("available", 1),
        ("image_url", "javascript:alert(1)"),
        ("url", "//shop.example"),
        ("categories", "home"),
        ("name", ""),
        ("name", None),
        ("published_at", "yesterday"),
        ("published_at", "2010-12-01T08:26:00"),
        ("published_at", 5),
        ("colour", "red"),
    ],
)
def test_wrong_fields_are_refused_however_they_are_sent(field: str, value: Any) -> None:
    client = api_client()
    send(client, "POST", ITEMS, FULL)

    answers = [
        send(client, "POST", ITEMS, {**FULL, field: value}),
        send(client, "PUT", f"{ITEMS}85123A/", {**FULL, field: value}),
        send(client, "PATCH", f"{ITEMS}85123A/", {field: value}),
        send(client, "POST", f"{ITEMS}bulk/", [{**FULL, field: value}]),
    ]

    for answer in answers[:3]:
        assert field in str(error_of(answer, 400)["details"])
    assert answers[3].json()["accepted"] == 0
    assert client.get(f"{ITEMS}85123A/").json() == FULL


def found(client: Any, **query: str) -> list[str]:
    return [row["item_id"] for row in client.get(ITEMS, query).json()["results"]]


def test_the_list_filters_by_words_category_and_availability() -> None:
    client = api_client()
    rows = [
        {"item_id": "a1", "name": "Red lamp", "categories": ["lights"]},
        {"item_id": "a2", "name": "Blue lamp", "categories": ["lights"], "available": False},
        {"item_id": "b1", "name": "Red cup", "categories": ["kitchen"]},
    ]
    assert send(client, "POST", f"{ITEMS}bulk/", rows).json() == {"accepted": 3, "rejected": []}

    assert found(client) == ["a1", "a2", "b1"]
    assert found(client, category="lights") == ["a1", "a2"]
    assert found(client, category="lights", available="true") == ["a1"]
    assert found(client, available="false") == ["a2"]
    assert found(client, q="lamp") == ["a1", "a2"]
    assert found(client, q="red", category="lights") == ["a1"]
    assert found(client, q="lamp", available="false", limit="1") == ["a2"]
    assert found(client, q="a", category="lights") == ["a1", "a2"]
    assert found(client, q="b", category="lights") == []
    assert found(client, q="a", available="true") == ["a1"]
    assert found(client, category="no such") == []
    error_of(client.get(ITEMS, {"available": "perhaps"}), 400)


def test_ids_with_punctuation_are_found_by_their_beginning() -> None:
    client = api_client()
    for item_id in ("SKU-123/4", "SKU-999"):
        send(client, "POST", ITEMS, {"item_id": item_id, "name": "Thing"})

    assert found(client, q="SKU-12") == ["SKU-123/4"]
    assert found(client, q="sku-123/4") == ["SKU-123/4"]
    assert found(client, q="SKU") == ["SKU-123/4", "SKU-999"]


def test_a_filter_may_be_given_only_once() -> None:
    client = api_client()
    error_of(client.get(ITEMS, {"category": ["a", "b"]}), 400)


def test_a_price_that_no_table_holds_costs_no_other_row() -> None:
    rows = [
        {"item_id": "zero", "name": "Zero", "price": "0E+999999"},
        {"item_id": "huge", "name": "Huge", "price": "1E+999999"},
        {"item_id": "whole", "name": "Whole", "price": "1E+11"},
    ]

    answer = send(api_client(), "POST", f"{ITEMS}bulk/", rows)

    assert answer.status_code == 200, answer.content
    assert [row["index"] for row in answer.json()["rejected"]] == [1]
    assert set(catalogue.find_many(item_ids=["zero", "huge", "whole"])) == {"zero", "whole"}


@pytest.mark.parametrize("item_id", ["bulk", "a/similar", "similar"])
def test_an_item_of_any_id_can_be_changed_and_deleted(item_id: str) -> None:
    client = api_client()
    path = f"{ITEMS}{quote(item_id, safe='')}/"

    assert send(client, "POST", ITEMS, {"item_id": item_id, "name": "A"}).status_code == 201
    assert send(client, "PATCH", path, {"name": "B"}).json()["name"] == "B"
    assert client.get(f"{path}similar/").status_code == 200
    assert send(client, "DELETE", path).status_code == 204
