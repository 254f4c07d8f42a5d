"""Recommendations, over REST."""

from decimal import Decimal
from typing import Any

import pytest

from core.dynamodb.errors import BatchIncompleteError
from recommendations.engine.associations import Association
from recommendations.entities import Item
from recommendations.services import catalogue
from recommendations.services.recommend import batch
from tests.api_client import api_client, error_of, send
from tests.recommendations.factories import event, happen, store_lists, store_model

pytestmark = pytest.mark.usefixtures("dynamodb")
BASE = "/api/v1/recommendations/"
NEAR = {"tea": [("cup", 0.9), ("pot", 0.6), ("spoon", 0.3)]}


@pytest.fixture
def _shop(dynamodb: None) -> None:
    store_model("v1", NEAR, popular=["lamp", "cup"], trending=["rug"])
    catalogue.save(
        items=[
            Item(item_id="cup", name="Cup", price=Decimal("4.50"), categories=("kitchen",)),
            Item(item_id="pot", name="Pot", price=Decimal(20), categories=("kitchen",)),
            Item(item_id="lamp", name="Lamp", price=Decimal(9), categories=("lights",)),
        ]
    )
    happen(event("ann", "tea"))


def get(path: str, status: int = 200) -> Any:
    response = api_client().get(BASE + path)
    assert response.status_code == status, response.content
    return response.json()


def ids(answer: dict[str, Any]) -> list[str]:
    return [row["item_id"] for row in answer["results"]]


@pytest.mark.usefixtures("_shop")
def test_a_known_user_gets_a_personal_list() -> None:
    answer = get("users/ann/")

    assert ids(answer)[:3] == ["cup", "pot", "spoon"]
    assert answer["model_version"] == "v1"
    assert answer["source"] == "personal"
    assert answer["recommendation_id"].startswith("r_")
    assert set(answer["results"][0]) == {"item_id", "score", "source"}


@pytest.mark.usefixtures("_shop")
def test_the_causes_are_named_when_asked_for() -> None:
    first = get("users/ann/?explain=true&limit=1")["results"][0]

    (cause,) = first["because"]
    assert (cause["item_id"], cause["event"]) == ("tea", "purchase")
    assert 0 < cause["share"] <= 1
    assert cause["at"].endswith("Z")


@pytest.mark.usefixtures("_shop")
def test_catalogue_fields_are_added_when_asked_for() -> None:
    results = get("users/ann/?expand=item")["results"]

    assert results[0]["item"]["name"] == "Cup"
    assert results[0]["item"]["price"] == "4.50"
    assert next(row["item"] for row in results if row["item_id"] == "spoon") is None


@pytest.mark.usefixtures("_shop")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=1", ["cup"]),
        ("exclude=cup&exclude=pot", ["spoon", "rug", "lamp"]),
        ("category=kitchen", ["cup", "pot"]),
        ("category=kitchen&category=lights", ["cup", "pot", "lamp"]),
        ("price_min=5&price_max=20", ["pot", "lamp"]),
        ("price_max=4.50", ["cup"]),
    ],
)
def test_filters(query: str, expected: list[str]) -> None:
    assert ids(get(f"users/ann/?{query}")) == expected


@pytest.mark.usefixtures("_shop")
def test_an_unknown_user_gets_what_is_popular() -> None:
    answer = get("users/nobody/")

    assert ids(answer) == ["rug", "lamp", "cup"]
    assert answer["source"] != "personal"


@pytest.mark.usefixtures("_shop")
def test_a_session_gets_what_goes_with_its_basket() -> None:
    client = api_client()

    answer = send(client, "POST", f"{BASE}session/", {"items": ["tea"], "limit": 2}).json()
    explained = send(client, "POST", f"{BASE}session/?explain=true", {"items": ["tea"]}).json()

    assert ids(answer) == ["cup", "pot"]
    cause = explained["results"][0]["because"][0]
    assert (cause["item_id"], cause["event"], cause["at"]) == ("tea", "session", None)


@pytest.mark.usefixtures("_shop")
def test_lists_that_are_not_personal() -> None:
    assert ids(get("popular/")) == ["lamp", "cup"]
    assert ids(get("trending/")) == ["rug"]
    store_lists("live", latest=["cup"], popular=["pot"])
    assert ids(get("latest/")) == ["cup"]
    assert ids(get("popular/")) == ["pot"]


@pytest.mark.usefixtures("_shop")
def test_filters_on_all_of_and_none_of_categories_and_labels() -> None:
    catalogue.save(
        items=[
            Item(item_id="cup", name="Cup", categories=("kitchen", "sale"), labels=("new",)),
            Item(item_id="pot", name="Pot", categories=("kitchen",), labels=("new", "blue")),
        ]
    )

    for query, expected in {
        "category_all=kitchen&category_all=sale": ["cup"],
        "category=kitchen&category_none=sale": ["pot"],
        "label=new&label_none=blue": ["cup"],
        "label_all=new&label_all=blue": ["pot"],
    }.items():
        assert ids(get(f"users/ann/?{query}")) == expected
        assert ids(api_client().get(f"/api/v1/items/tea/similar/?{query}").json()) == expected


@pytest.mark.usefixtures("_shop")
def test_bought_together_items() -> None:
    store_model("v2", NEAR, baskets={"tea": [Association("cup", 0.5, 12, 0.4, 3.0)]})
    client = api_client()

    answer = client.get("/api/v1/items/tea/bought-together/?expand=item").json()

    (row,) = answer["results"]
    assert (row["item_id"], row["source"], row["support"]) == ("cup", "bought_together", 12)
    assert (row["confidence"], row["lift"]) == (pytest.approx(0.4), 3.0)
    assert row["item"]["name"] == "Cup"
    assert answer["recommendation_id"].startswith("r_")
    assert client.get("/api/v1/items/lamp/bought-together/").json()["results"] == []
    error_of(client.get("/api/v1/items/nothing/bought-together/"), 404)


@pytest.mark.usefixtures("_shop")
def test_a_users_own_products() -> None:
    happen(
        event("ann", "tea", event_id="e-2", hours=1),
        event("ann", "rug", event_id="e-3", hours=2, kind="view"),
    )
    again = get("users/ann/buy-again/?explain=true")
    viewed = get("users/ann/recently-viewed/?expand=item")

    assert ids(again) == ["tea"]
    assert [cause["share"] for cause in again["results"][0]["because"]] == [0.5, 0.5]
    assert ids(viewed) == ["rug"]
    assert viewed["source"] == "recently_viewed"
    assert get("users/nobody/buy-again/")["results"] == []


@pytest.mark.usefixtures("_shop")
def test_ranking_given_items() -> None:
    body = {"user_id": "ann", "items": ["x", "lamp", "pot", "cup"]}
    client = api_client()

    answer = send(client, "POST", f"{BASE}rank/?explain=true&expand=item", body).json()

    assert [(row["item_id"], row["source"]) for row in answer["results"]] == [
        ("cup", "personal"),
        ("pot", "personal"),
        ("lamp", "popular"),
        ("x", "given"),
    ]
    assert answer["results"][0]["because"][0]["share"] == 1
    assert answer["results"][3]["item"] is None
    for wrong in ({}, {**body, "items": []}, {**body, "limit": 5}, {**body, "items": ["a"] * 101}):
        error_of(send(client, "POST", f"{BASE}rank/", wrong), 400)


@pytest.mark.usefixtures("_shop")
def test_a_list_for_each_of_many_users() -> None:
    client = api_client()
    body = {"users": ["nobody", "ann"], "limit": 2}

    answer = send(client, "POST", f"{BASE}batch/?exclude=cup&explain=true&expand=item", body).json()

    nobody, ann = answer["results"]
    assert (nobody["user_id"], ids(nobody), nobody["source"]) == (
        "nobody",
        ["rug", "lamp"],
        "trending",
    )
    assert (ann["user_id"], ids(ann)) == ("ann", ["pot", "spoon"])
    assert ann["results"][0]["because"][0]["item_id"] == "tea"
    assert ann["results"][0]["item"]["name"] == "Pot"
    assert answer["rejected"] == []
    for wrong in ({}, {"users": []}, {"users": ["a"] * 101}, {"users": ["a"], "limit": 0}):
        error_of(send(client, "POST", f"{BASE}batch/", wrong), 400)


@pytest.mark.usefixtures("_shop")
def test_a_user_of_many_for_whom_dynamodb_is_too_busy_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve = batch.serve

    def busy(*, user_id: str, **options: Any) -> Any:
        if user_id == "ann":
            raise BatchIncompleteError([user_id])
        return serve(user_id=user_id, **options)

    monkeypatch.setattr(batch, "serve", busy)
    answer = send(api_client(), "POST", f"{BASE}batch/", {"users": ["nobody", "ann"]}).json()

    assert [row["user_id"] for row in answer["results"]] == ["nobody"]
    assert [(row["index"], row["error"]["code"]) for row in answer["rejected"]] == [
        (1, "unavailable")
    ]


@pytest.mark.usefixtures("_shop")
def test_similar_items() -> None:
    client = api_client()
    answer = client.get("/api/v1/items/tea/similar/?limit=2&expand=item").json()

    assert answer["model_version"] == "v1"
    assert [(row["item_id"], row["support"]) for row in answer["results"]] == [
        ("cup", 3),
        ("pot", 3),
    ]
    assert answer["results"][0]["item"]["name"] == "Cup"
    assert client.get("/api/v1/items/lamp/similar/").json()["results"] == []
    error_of(client.get("/api/v1/items/nothing/similar/"), 404)


def test_before_the_first_model_lists_are_empty() -> None:
    answer = get("users/ann/")

    assert answer["results"] == []
    assert answer["model_version"] is None


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "exclude=a%23b",
        "exclude_purchased=maybe",
        "price_min=NaN",
        "price_min=sNaN",
        "price_max=Infinity",
        "price_max=1e999999",
        "price_min=cheap",
        "price_min=1&price_min=2",
        "expand=everything",
        "explain=2",
        "category=",
        "cursor=x",
    ],
)
def test_wrong_parameters_are_refused(query: str) -> None:
    for path in ("users/ann/", "popular/", "trending/"):
        error_of(api_client().get(f"{BASE}{path}?{query}"), 400)
    response = send(api_client(), "POST", f"{BASE}session/?{query}", {"items": ["tea"]})
    error_of(response, 400)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"items": []},
        {"items": "tea"},
        {"items": ["a#b"]},
        {"items": ["a"] * 101},
        {"items": ["a"], "limit": 0},
        {"items": ["a"], "user_id": "x"},
    ],
)
def test_wrong_sessions_are_refused(body: Any) -> None:
    error_of(send(api_client(), "POST", f"{BASE}session/", body), 400)


@pytest.mark.parametrize(("name", "most"), [("category", 20), ("exclude", 100)])
def test_filters_may_be_repeated_so_often_and_no_more(name: str, most: int) -> None:
    filters = "&".join(f"{name}=v{number}" for number in range(most + 1))

    get(f"popular/?{filters.partition('&')[2]}")
    assert list(error_of(api_client().get(f"{BASE}popular/?{filters}"), 400)["details"]) == [name]


@pytest.mark.parametrize("price", ["1E+9999999", "-1E+9999999", "NaN", "sNaN", "Infinity"])
def test_prices_that_no_product_has_are_refused(price: str) -> None:
    error_of(api_client().get(f"{BASE}popular/", {"price_min": price}), 400)
