"""Which products a user, a basket or anybody is shown, and why."""

from decimal import Decimal

import pytest

from core.dynamodb.meter import metered
from recommendations.entities import Item
from recommendations.models import ProfileRow
from recommendations.rules import Filters, Terms
from recommendations.services import catalogue, events, profiles, recommend
from tests.recommendations.factories import event, happen, store_model

pytestmark = pytest.mark.usefixtures("dynamodb")

NEAR = {
    "tea": [("cup", 0.9), ("pot", 0.6), ("spoon", 0.3)],
    "cake": [("plate", 0.8), ("cup", 0.4), ("fork", 0.2)],
}


def shown(answer: recommend.Answer) -> list[tuple[str, str]]:
    return [(row.item_id, row.source) for row in answer.results]


def ids(answer: recommend.Answer) -> list[str]:
    return [row.item_id for row in answer.results]


@pytest.fixture
def _model() -> None:
    store_model("v1", NEAR, popular=["lamp", "cup", "rug"], trending=["rug", "tea"])


@pytest.fixture
def _ann(_model: None) -> None:
    happen(event("ann", "tea"), event("ann", "cake", event_id="e-2", hours=1))


@pytest.mark.usefixtures("_ann")
def test_a_users_list_is_personal_first_then_trending_then_popular() -> None:
    answer = recommend.serve(recommender="personal", user_id="ann")

    assert shown(answer) == [
        ("cup", "personal"),
        ("plate", "personal"),
        ("pot", "personal"),
        ("spoon", "personal"),
        ("fork", "personal"),
        ("rug", "trending"),
        ("lamp", "popular"),
    ]
    assert answer.source == "personal"
    assert answer.model_version == "v1"


@pytest.mark.usefixtures("_ann")
def test_a_fresh_profile_answers_in_one_round_trip() -> None:
    recommend.serve(recommender="personal", user_id="ann", limit=7)

    with metered() as meter:
        recommend.serve(recommender="personal", user_id="ann", limit=7)

    assert meter.round_trips == 1


@pytest.mark.usefixtures("_ann")
def test_the_first_entries_of_a_profile_say_the_same_as_the_whole_of_it() -> None:
    whole = recommend.serve(recommender="personal", user_id="ann", explain=True).results
    row = ProfileRow.load("ann")
    assert row is not None

    def first() -> list[tuple[str, float, str]]:
        found = recommend.serve(recommender="personal", user_id="ann", limit=3).results
        return [(each.item_id, each.score, each.source) for each in found]

    expected = [(each.item_id, each.score, each.source) for each in whole[:3]]
    assert first() == expected
    row.head = None  # As an earlier release has written it.
    row.save()
    assert first() == expected
    row.head, row.stamp = b'{"personal":[["a",3],["b",2],["c",1]]}', "v0#0#0"
    row.save()
    assert first() == expected


@pytest.mark.usefixtures("_ann")
def test_the_first_entries_leave_out_what_is_hidden_or_excluded() -> None:
    recommend.serve(recommender="personal", user_id="ann", limit=3)
    catalogue.save(items=[Item(item_id="cup", name="Cup", available=False)])

    without_pot = [Filters(exclude=frozenset({"pot"}))]
    with metered() as meter:
        answer = recommend.serve(
            recommender="personal", user_id="ann", filters=without_pot, limit=3
        )

    assert ids(answer) == ["plate", "spoon", "fork"]
    assert meter.round_trips == 1


@pytest.mark.usefixtures("_ann")
def test_the_reasons_name_the_users_own_events_and_add_up_to_the_score() -> None:
    answer = recommend.serve(recommender="personal", user_id="ann", explain=True)

    cup = answer.results[0]
    assert [(cause.item_id, cause.event, cause.at) for cause in cup.because] == [
        ("tea", "purchase", "2026-11-01T12:00:00Z"),
        ("cake", "purchase", "2026-11-01T13:00:00Z"),
    ]
    tea, cake = (cause.share for cause in cup.because)
    assert tea == pytest.approx(0.9 / 1.3, abs=0.01)
    assert cake == pytest.approx(0.4 / 1.3, abs=0.01)
    assert tea + cake <= 1
    assert all(row.because == () for row in answer.results if row.source != "personal")


@pytest.mark.usefixtures("_ann")
def test_what_was_bought_is_left_out_unless_asked_for() -> None:
    happen(event("ann", "cup", event_id="e-3", hours=2))
    profiles.refresh(user_id="ann")

    assert "cup" not in ids(recommend.serve(recommender="personal", user_id="ann"))
    with_bought = ids(
        recommend.serve(recommender="personal", user_id="ann", exclude_purchased=False)
    )
    assert with_bought[0] == "cup"


@pytest.mark.usefixtures("_model")
def test_what_was_only_viewed_may_be_recommended_and_what_was_disliked_never() -> None:
    happen(
        event("ann", "tea", kind="view"),
        event("ann", "cup", event_id="e-2", kind="view"),
        event("ann", "pot", event_id="e-3", kind="dislike"),
    )

    found = ids(recommend.serve(recommender="personal", user_id="ann", exclude_purchased=False))

    assert found[:2] == ["cup", "spoon"]
    assert "pot" not in found


@pytest.mark.usefixtures("_model")
def test_an_unknown_user_gets_trending_then_popular_products() -> None:
    answer = recommend.serve(recommender="personal", user_id="nobody", limit=3)

    assert shown(answer) == [("rug", "trending"), ("tea", "trending"), ("lamp", "popular")]


def test_without_a_model_the_list_is_empty_and_says_so() -> None:
    answer = recommend.serve(recommender="personal", user_id="ann")

    assert answer.results == ()
    assert answer.model_version is None


@pytest.mark.usefixtures("_ann")
def test_unavailable_deleted_and_excluded_products_are_out_at_the_next_answer() -> None:
    recommend.serve(recommender="personal", user_id="ann")
    catalogue.save(items=[Item(item_id="cup", name="Cup", available=False)])
    catalogue.save(items=[Item(item_id="plate", name="Plate")])
    catalogue.delete(item_id="plate")

    found = ids(
        recommend.serve(
            recommender="personal", user_id="ann", filters=[Filters(exclude=frozenset({"pot"}))]
        )
    )

    assert found == ["spoon", "fork", "rug", "lamp"]
    assert "cup" not in ids(recommend.serve(recommender="popular", fallbacks=()))
    near = recommend.serve(recommender="similar", item_ids=["tea"], fallbacks=()).results
    assert [row.item_id for row in near] == ["pot", "spoon"]


@pytest.mark.usefixtures("_ann")
def test_filters_on_category_and_price_fill_the_list_from_what_passes() -> None:
    catalogue.save(
        items=[
            Item(item_id="cup", name="Cup", categories=("Kitchen",), price=Decimal(5)),
            Item(item_id="pot", name="Pot", categories=("Kitchen",), price=Decimal(15)),
            Item(item_id="rug", name="Rug", categories=("Home",), price=Decimal("9.50")),
            Item(item_id="lamp", name="Lamp"),
        ]
    )

    kitchen = Filters(categories=Terms(any_of=("Kitchen",)))
    assert ids(recommend.serve(recommender="personal", user_id="ann", filters=[kitchen])) == [
        "cup",
        "pot",
    ]
    cheap = Filters(price_min=Decimal(5), price_max=Decimal("9.50"))
    assert ids(recommend.serve(recommender="personal", user_id="ann", filters=[cheap])) == [
        "cup",
        "rug",
    ]


@pytest.mark.usefixtures("_model")
def test_a_basket_gets_what_goes_with_it_and_never_itself() -> None:
    answer = recommend.serve(recommender="session", item_ids=["tea", "cup"], limit=3, explain=True)

    assert shown(answer) == [("pot", "similar"), ("spoon", "similar"), ("rug", "trending")]
    assert answer.results[0].because[0].item_id == "tea"


@pytest.mark.usefixtures("_model")
def test_similar_products_come_with_the_number_of_users_who_share_both() -> None:
    answer = recommend.serve(recommender="similar", item_ids=["tea"], fallbacks=(), limit=2)

    assert [(row.item_id, row.support) for row in answer.results] == [("cup", 3), ("pot", 3)]
    assert recommend.serve(recommender="similar", item_ids=["unknown"], fallbacks=()).results == ()


@pytest.mark.usefixtures("_ann")
def test_a_profile_of_an_older_model_is_computed_anew_at_the_next_read() -> None:
    recommend.serve(recommender="personal", user_id="ann")
    store_model("v2", {"tea": [], "cake": [("candle", 0.5)]})

    first = recommend.serve(recommender="personal", user_id="ann")
    with metered() as meter:
        second = recommend.serve(recommender="personal", user_id="ann", limit=1)

    assert shown(first) == shown(second) == [("candle", "personal")]
    assert first.model_version == "v2"
    assert meter.round_trips == 1


@pytest.mark.usefixtures("_ann")
def test_any_list_takes_at_most_three_round_trips() -> None:
    recommend.serve(recommender="personal", user_id="ann")
    none = Filters(categories=Terms(any_of=("None",)))

    with metered() as meter:
        recommend.serve(recommender="personal", user_id="ann", filters=[none])
    assert meter.round_trips <= 3
    for call in (
        lambda: recommend.serve(recommender="session", item_ids=["tea"], explain=True),
        lambda: recommend.serve(recommender="popular", fallbacks=()),
        lambda: recommend.serve(recommender="similar", item_ids=["tea"], fallbacks=()),
        lambda: recommend.serve(recommender="personal", user_id="ann", explain=True),
    ):
        with metered() as meter:
            call()
        assert meter.round_trips <= 3


@pytest.mark.usefixtures("_model")
def test_a_purchase_is_not_forgotten_behind_many_views() -> None:
    happen(event("ann", "cup"), event("ann", "pot", event_id="d", kind="dislike"))
    happen(*(event("ann", "tea", event_id=f"v-{n}", hours=n + 1, kind="view") for n in range(120)))

    found = ids(recommend.serve(recommender="personal", user_id="ann"))

    assert found[0] == "spoon"
    assert not {"cup", "pot"} & set(found)


@pytest.mark.usefixtures("_model")
def test_any_number_of_dislikes_leaves_a_profile_that_can_be_stored() -> None:
    events.record(
        events=[
            event("ann", *(f"{n}-{line}" for line in range(500)), event_id=f"d-{n}", kind="dislike")
            for n in range(100)
        ]
        + [event("ann", "tea", event_id="p")]
    )

    assert ids(recommend.serve(recommender="personal", user_id="ann", limit=1)) == ["cup"]
