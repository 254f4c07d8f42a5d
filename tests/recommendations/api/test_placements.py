"""Placements, over REST: what is configured under a name is what is shown under it."""

from decimal import Decimal
from typing import Any

import pytest

from core import audit
from core.dynamodb.meter import metered
from recommendations.attribution import RECOMMENDERS
from recommendations.entities import Item
from recommendations.services import attribution, catalogue
from tests.api_client import api_client, error_of, send
from tests.recommendations.factories import event, happen, store_model

pytestmark = pytest.mark.usefixtures("dynamodb")
BASE = "/api/v1/placements/"
HOME = {"recommender": "personal"}


@pytest.fixture
def _shop(dynamodb: None) -> None:
    near = {"tea": [("cup", 0.9), ("pot", 0.6), ("spoon", 0.3)]}
    store_model("v1", near, popular=["lamp", "cup"], trending=["rug"])
    catalogue.save(
        items=[
            Item(item_id="tea", name="Tea"),
            Item(item_id="cup", name="Cup", price=Decimal("4.50"), categories=("kitchen",)),
            Item(item_id="pot", name="Pot", price=Decimal(20), categories=("kitchen",)),
            Item(item_id="spoon", name="Spoon", categories=("kitchen",), labels=("new",)),
            Item(item_id="lamp", name="Lamp", price=Decimal(9), categories=("lights",)),
            Item(item_id="rug", name="Rug"),
        ]
    )
    happen(event("ann", "tea"))


def put(body: Any, name: str = "home", status: int | None = None) -> Any:
    response = send(api_client(), "PUT", f"{BASE}{name}/", body)
    expected = {200, 201} if status is None else {status}
    assert response.status_code in expected, response.content
    return response.json()


def shown(query: str = "user_id=ann", name: str = "home") -> list[str]:
    response = api_client().get(f"/api/v1/recommendations/placements/{name}/?{query}")
    assert response.status_code == 200, response.content
    return [row["item_id"] for row in response.json()["results"]]


@pytest.mark.usefixtures("_shop")
def test_a_change_is_in_force_at_the_next_request() -> None:
    put(HOME)
    assert shown() == ["cup", "pot", "spoon", "rug", "lamp"]
    pin = {"item_id": "lamp", "position": 1}
    boost = {"by": "label", "values": ["new"], "factor": 5}
    put({**HOME, "rules": {"pin": [pin], "boost": [boost]}})
    assert shown() == ["lamp", "spoon", "cup", "pot", "rug"]
    put({**HOME, "filters": {"categories": {"any": ["kitchen"]}}, "limit": 2})
    assert shown() == ["cup", "pot"]
    assert shown("user_id=ann&limit=3&price_max=10") == ["cup"]
    put({"recommender": "similar", "fallbacks": []})
    assert shown("item_id=tea") == ["cup", "pot", "spoon"]
    assert shown("user_id=ann&item_id=tea&exclude=pot") == ["cup", "spoon"]
    assert api_client().delete(f"{BASE}home/").status_code == 204
    gone = api_client().get("/api/v1/recommendations/placements/home/?user_id=ann")
    assert error_of(gone, 404)["message"] == "There is no placement of this name."


@pytest.mark.usefixtures("_shop")
def test_the_answer_says_which_placement_and_variant_it_was_for() -> None:
    variants = [{"name": "a", "weight": 0}, {"name": "b", "recommender": "trending"}]
    put({**HOME, "experiment": {"name": "e1", "variants": variants}})
    for who, variant in (("user_id=ann", "b"), ("session_id=s1", "b"), ("", "")):
        answer = api_client().get(f"/api/v1/recommendations/placements/home/?{who}").json()
        origin = attribution.origin_of(answer["recommendation_id"])
        assert origin is not None
        assert (origin.placement, origin.variant) == ("home", variant)
        assert origin.recommender == ("trending" if variant else "personal")


@pytest.mark.usefixtures("_shop")
def test_any_placement_takes_at_most_three_round_trips() -> None:
    boost = {"by": "category", "values": ["lights"], "factor": 3}
    rules = {"boost": [boost], "pin": [{"item_id": "rug", "position": 2}]}
    client = api_client()
    path = "/api/v1/recommendations/placements/home/?user_id=ann&item_id=tea"
    for recommender in RECOMMENDERS:
        put({"recommender": recommender, "rules": rules, "filters": {"price_max": "100"}})
        client.get(path)  # Once for the key, which is remembered, and for the profile.
        with metered() as cost:
            client.get(path)
        assert 0 < cost.round_trips <= 3, recommender


@pytest.mark.usefixtures("_shop")
def test_rules_outlive_what_they_name() -> None:
    rules = {
        "pin": [{"item_id": "lamp", "position": 1}, {"item_id": "never", "position": 2}],
        "bury": [{"by": "item", "values": ["pot"]}, {"by": "category", "values": ["gone"]}],
        "cap": [{"by": "attribute", "attribute": "brand", "most": 1}],
    }
    put({**HOME, "rules": rules})
    assert shown() == ["lamp", "cup", "spoon", "rug", "pot"]
    catalogue.delete(item_id="lamp")
    catalogue.delete(item_id="pot")
    assert shown() == ["cup", "spoon", "rug"]


@pytest.mark.usefixtures("_shop")
def test_a_pin_shows_neither_what_is_bought_nor_what_is_looked_at() -> None:
    pins = [{"item_id": "tea", "position": 1}, {"item_id": "cup", "position": 2}]
    put({**HOME, "rules": {"pin": pins}})
    assert shown()[:2] == ["pot", "cup"]
    assert "cup" not in shown("user_id=ann&item_id=cup")
    assert shown("user_id=ann&exclude_purchased=false")[:2] == ["tea", "cup"]


def test_an_editor_who_is_late_is_told() -> None:
    first = put({**HOME, "version": 0})
    assert first["version"] == 1
    second = put({**first, "limit": 3})
    assert (second["version"], second["limit"]) == (2, 3)
    error = error_of(send(api_client(), "PUT", f"{BASE}home/", {**first, "limit": 4}), 409)
    assert "somebody else" in error["message"]
    assert api_client().get(f"{BASE}home/").json() == second
    assert put({**HOME, "limit": 5})["version"] == 3


def test_versions_are_listed_and_brought_back() -> None:
    put(HOME)
    put({**HOME, "limit": 3})
    api_client().delete(f"{BASE}home/")
    rows = api_client().get(f"{BASE}home/versions/").json()["results"]
    assert [(row["version"], row["placement"] and row["placement"]["limit"]) for row in rows] == [
        (3, None),
        (2, 3),
        (1, 10),
    ]
    assert rows[0]["saved_by"]
    back = send(api_client(), "POST", f"{BASE}home/revert/", {"version": 2})
    assert (back.json()["version"], back.json()["limit"]) == (4, 3)
    assert api_client().get(BASE).json()["results"] == [back.json()]
    error_of(send(api_client(), "POST", f"{BASE}home/revert/", {"version": 3}), 404)
    error_of(api_client().get(f"{BASE}other/versions/"), 404)
    changes = [(row.action, row.target) for row in audit.listing(limit=9).rows]
    assert changes == [
        (f"placements.{what}", "home") for what in ("revert", "delete", "save", "save")
    ]


def test_a_bad_rule_is_refused_by_its_path() -> None:
    rules = {"pin": [{"item_id": "a", "position": 1}, {"item_id": "b", "position": 101}]}
    error = put({**HOME, "rules": rules}, status=400)["error"]
    assert list(error["details"]) == ["rules.pin[1].position"]
    assert list(put({}, status=400)["error"]["details"]) == ["recommender"]
    assert list(put(HOME, name="Home", status=400)["error"]["details"]) == ["name"]
    assert list(put({**HOME, "name": "b"}, status=400)["error"]["details"]) == ["name"]


def test_only_who_may_write_placements_does() -> None:
    reader = api_client("recommendations:read")
    put(HOME)
    assert reader.get(f"{BASE}home/").status_code == 200
    error_of(send(reader, "PUT", f"{BASE}home/", HOME), 403)
    error_of(reader.delete(f"{BASE}home/"), 403)
    error_of(send(reader, "POST", f"{BASE}home/revert/", {"version": 1}), 403)
    error_of(api_client("catalog:read").get(f"{BASE}home/"), 403)


def test_a_placement_may_be_called_like_a_sub_resource() -> None:
    put(HOME, name="preview")
    assert api_client().get(f"{BASE}preview/").json()["name"] == "preview"


@pytest.mark.usefixtures("_shop")
def test_a_preview_shows_what_would_change_and_why_and_changes_nothing() -> None:
    put({**HOME, "limit": 3})
    rules = {
        "boost": [{"by": "label", "values": ["new"], "factor": 5}],
        "bury": [{"by": "item", "values": ["cup"]}],
    }
    filters = {"categories": {"none": ["lights"]}, "exclude": ["rug"]}
    body = {
        "placement": {**HOME, "name": "home", "rules": rules, "filters": filters, "limit": 3},
        "user_id": "ann",
    }
    answer = send(api_client("recommendations:read"), "POST", f"{BASE}preview/", body).json()
    assert [row["item_id"] for row in answer["current"]] == ["cup", "pot", "spoon"]
    assert [row["item_id"] for row in answer["plain"]] == ["cup", "pot", "spoon"]
    assert [(row["item_id"], row["rules"]) for row in answer["proposed"]] == [
        ("spoon", ["boost[0]"]),
        ("pot", []),
        ("cup", ["bury[0]"]),
    ]
    narrow = {**body, "placement": {**body["placement"], "limit": 2, "name": "new"}}
    answer = send(api_client(), "POST", f"{BASE}preview/", narrow).json()
    assert answer["current"] is None
    assert answer["left_out"] == [{"item_id": "cup", "reasons": ["bury[0]"]}]
    wide = {**body, "placement": {**body["placement"], "limit": 9}}
    answer = send(api_client(), "POST", f"{BASE}preview/", wide).json()
    assert answer["left_out"] == [
        {"item_id": "rug", "reasons": ["filters"]},
        {"item_id": "lamp", "reasons": ["filters"]},
    ]
    assert shown() == ["cup", "pot", "spoon"]
