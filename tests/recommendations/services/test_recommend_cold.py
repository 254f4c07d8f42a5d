"""Products that are newer than the model, and users who have seen nothing else."""

import pytest

from core.dynamodb.meter import metered
from recommendations.entities import Item
from recommendations.services import catalogue, recommend
from tests.recommendations.factories import event, happen, store_lists, store_model

pytestmark = pytest.mark.usefixtures("dynamodb")


def shown(answer: recommend.Answer) -> list[tuple[str, str]]:
    return [(row.item_id, row.source) for row in answer.results]


@pytest.fixture(autouse=True)
def _shop(dynamodb: None) -> None:
    store_model("v1", {"mug1": [("rug", 0.5)]}, popular=["rug", "mug1"])
    names = {
        "new": "Red retrospot mug",
        "mug1": "Blue retrospot mug",
        "bowl": "Red retrospot bowl",
        "bag": "Retrospot bag",
        "gone": "Red retrospot mug, large",
        "hat": "Retrospot hat",
        "tin": "Retrospot tin",
        "lamp": "Desk lamp",
    }
    catalogue.save(
        items=[
            Item(
                item_id=item_id,
                name=name,
                categories=("Office" if item_id in {"lamp", "odd"} else "Kitchen",),
                available=item_id != "gone",
            )
            for item_id, name in names.items()
        ]
    )


def test_a_new_product_has_neighbours_by_its_words_in_three_round_trips() -> None:
    with metered() as meter:
        answer = recommend.serve(recommender="similar", item_ids=["new"], fallbacks=())

    found = shown(answer)
    assert {item_id for item_id, _ in found[:2]} == {"mug1", "bowl"}
    assert {item_id for item_id, _ in found[2:]} == {"bag", "hat", "tin"}
    assert {source for _, source in found} == {"content"}
    assert 0 < answer.results[-1].score < answer.results[0].score <= 1
    assert answer.results[0].support == 0
    assert meter.round_trips == 3


def test_a_product_with_a_name_of_its_own_is_like_those_of_its_category() -> None:
    catalogue.save(items=[Item(item_id="odd", name="Xylophone", categories=("Office",))])

    with metered() as meter:
        answer = recommend.serve(recommender="similar", item_ids=["odd"], fallbacks=())

    assert shown(answer) == [("lamp", "content")]
    assert meter.round_trips == 3


def test_a_product_that_nothing_is_like_or_that_is_unknown_has_none() -> None:
    catalogue.save(items=[Item(item_id="odd", name="Xylophone of maple wood")])

    for item_id in ("odd", "never heard of"):
        with metered() as meter:
            answer = recommend.serve(recommender="similar", item_ids=[item_id], fallbacks=())
        assert answer.results == ()
        assert meter.round_trips <= 3


def test_a_user_or_session_of_new_products_only_gets_what_is_like_them_then_the_fallbacks() -> None:
    happen(event("ann", "new"))

    personal = recommend.serve(recommender="personal", user_id="ann")
    session = recommend.serve(recommender="session", item_ids=["new"])

    for answer in (personal, session):
        found = shown(answer)
        assert {item_id for item_id, _ in found[:2]} == {"mug1", "bowl"}
        assert [source for _, source in found] == ["content"] * 5 + ["popular"]
    with metered() as meter:
        again = recommend.serve(recommender="personal", user_id="ann", limit=6)
    assert again.results == personal.results
    assert meter.round_trips == 1


def test_a_trained_neighbour_goes_before_words() -> None:
    answer = recommend.serve(recommender="similar", item_ids=["mug1"], fallbacks=())

    assert shown(answer) == [("rug", "similar")]


def test_a_shop_of_its_first_day_recommends_what_is_like_the_first_purchase() -> None:
    store_lists("live", latest=["lamp"], popular=[], trending=[])
    happen(event("bob", "new"), event("bob", "bowl", event_id="d", kind="dislike"))

    answer = recommend.serve(recommender="personal", user_id="bob", limit=1)

    assert shown(answer) == [("mug1", "content")]
