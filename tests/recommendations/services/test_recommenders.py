"""Each recommender beside the personal one, and what they have in common."""

from collections.abc import Callable
from typing import Any

import pytest

from core.dynamodb.meter import metered
from recommendations.engine.associations import Association
from recommendations.entities import Item
from recommendations.preferences import EventWeights, Preferences
from recommendations.rules import Cap, Filters, Pin, Rules, Terms
from recommendations.services import catalogue, preferences, recommend
from recommendations.storage import lists as live_lists
from recommendations.storage import serving
from tests.recommendations.factories import event, happen, store_lists, store_model

pytestmark = pytest.mark.usefixtures("dynamodb")

NEAR = {
    "tea": [("cup", 0.9), ("pot", 0.6), ("spoon", 0.3)],
    "cake": [("plate", 0.8), ("cup", 0.4), ("fork", 0.2)],
}
BASKETS = {
    "tea": [Association("milk", 0.5, 12, 0.4, 3.0), Association("cup", 0.3, 7, 0.25, 1.5)],
}


def shown(answer: recommend.Answer) -> list[tuple[str, str]]:
    return [(row.item_id, row.source) for row in answer.results]


def ids(answer: recommend.Answer) -> list[str]:
    return [row.item_id for row in answer.results]


@pytest.fixture
def _model() -> None:
    store_model(
        "v1",
        NEAR,
        popular=["lamp", "cup", "rug"],
        trending=["rug", "tea"],
        following={"cake": [("fork", 40.0), ("candle", 10.0)]},
        baskets=BASKETS,
    )


@pytest.fixture
def _ann(_model: None) -> None:
    happen(
        event("ann", "tea", "milk", event_id="1"),
        event("ann", "tea", "cake", event_id="2", hours=24),
        event("ann", "tea", "milk", event_id="3", hours=48),
        event("ann", "lamp", "cup", event_id="4", hours=50, kind="view"),
        event("ann", "rug", event_id="5", hours=51, kind="dislike"),
    )


@pytest.mark.usefixtures("_model")
def test_what_is_bought_together_comes_with_what_is_known_of_the_baskets() -> None:
    answer = recommend.serve(recommender="bought_together", item_ids=["tea"], fallbacks=())

    milk = answer.results[0]
    assert shown(answer) == [("milk", "bought_together"), ("cup", "bought_together")]
    assert (milk.support, milk.score) == (12, pytest.approx(0.5, abs=0.01))
    assert (milk.confidence, milk.lift) == pytest.approx((0.4, 3.0))


@pytest.mark.usefixtures("_model")
def test_a_session_follows_what_came_after_its_last_product() -> None:
    answer = recommend.serve(recommender="session", item_ids=["tea", "cake"], limit=6, explain=True)

    # Of the similar products the cup is best (0.9 + 0.4); of those that came next, the fork.
    assert shown(answer) == [
        ("cup", "similar"),
        ("plate", "similar"),
        ("pot", "similar"),
        ("fork", "similar"),
        ("spoon", "similar"),
        ("candle", "similar"),
    ]
    cup, _, _, fork, *_ = answer.results
    assert fork.score == pytest.approx(0.2 + 0.13, abs=0.02)
    assert [(cause.item_id, cause.event, cause.share) for cause in fork.because] == [
        ("cake", "session", 1.0)
    ]
    assert sum(cause.share for cause in cup.because) == pytest.approx(1, abs=1e-5)


@pytest.mark.usefixtures("_ann")
def test_buy_again_names_the_purchases_and_they_add_up() -> None:
    answer = recommend.serve(
        recommender="buy_again", user_id="ann", fallbacks=("trending",), limit=3, explain=True
    )

    assert shown(answer) == [("tea", "buy_again"), ("milk", "buy_again")]
    tea, milk = answer.results
    assert [cause.at[:10] for cause in tea.because] == ["2026-11-03", "2026-11-02", "2026-11-01"]
    assert [cause.share for cause in milk.because] == [0.5, 0.5]
    assert sum(cause.share for cause in tea.because) == pytest.approx(1, abs=1e-5)


@pytest.mark.usefixtures("_ann")
def test_recently_viewed_products_come_newest_first_and_fall_back_on_what_is_not_bought() -> None:
    answer = recommend.serve(recommender="recently_viewed", user_id="ann")

    assert shown(answer) == [("lamp", "recently_viewed"), ("cup", "recently_viewed")]


@pytest.mark.usefixtures("_ann")
def test_ranking_returns_the_same_products_all_of_them_best_first() -> None:
    catalogue.save(items=[Item(item_id="pot", name="Pot", available=False)])
    given = ["x", "rug", "pot", "spoon", "tea", "y", "cup", "lamp", "x"]

    answer = recommend.rank(user_id="ann", item_ids=given, explain=True)

    assert shown(answer) == [
        ("cup", "personal"),
        ("spoon", "personal"),
        ("tea", "trending"),
        ("lamp", "popular"),
        ("x", "given"),
        ("y", "given"),
        ("rug", "given"),
        ("pot", "given"),
    ]
    assert {cause.item_id for cause in answer.results[0].because} == {"tea", "cake"}
    assert ids(recommend.rank(user_id="nobody", item_ids=["x", "lamp"])) == ["lamp", "x"]


@pytest.mark.usefixtures("_ann")
def test_a_batch_answers_each_user_as_alone_and_reads_profiles_together() -> None:
    happen(event("bob", "cake"))
    users = ["bob", "nobody", "ann", "bob"]

    found = recommend.for_users(user_ids=users)
    with metered() as meter:
        again = recommend.for_users(user_ids=["bob", "ann"], limit=3)

    assert [row.user_id for row in found] == ["bob", "nobody", "ann"]
    for row in found:
        assert row.answer is not None
        alone = recommend.serve(recommender="personal", user_id=row.user_id)
        assert row.answer.results == alone.results
    assert len({row.answer.recommendation_id for row in found if row.answer}) == 3
    assert len(again) == 2
    assert meter.round_trips == 1


def test_a_shop_without_a_model_answers_from_its_live_lists() -> None:
    store_lists("live", popular=["lamp", "cup"], trending=["rug", "tea"], latest=["new", "rug"])
    happen(event("ann", "tea", "cup"))

    def of(recommender: str, **about: object) -> list[tuple[str, str]]:
        answer = recommend.serve(recommender=recommender, **about)
        assert answer.model_version is None
        return shown(answer)

    fallback = [("rug", "trending"), ("lamp", "popular")]
    assert of("personal", user_id="ann") == fallback
    assert of("personal", user_id="nobody", limit=1) == [("rug", "trending")]
    assert of("latest", user_id="ann", fallbacks=()) == [("new", "latest"), ("rug", "latest")]
    assert of("similar", item_ids=["tea"], user_id="ann") == fallback
    assert of("session", item_ids=["tea", "cup"]) == fallback
    assert of("bought_together", item_ids=["tea"], fallbacks=("popular",)) == [
        ("lamp", "popular"),
        ("cup", "popular"),
    ]
    assert of("buy_again", user_id="ann", fallbacks=("latest",))[0] == ("new", "latest")


def test_an_unknown_user_costs_two_round_trips_and_sees_nothing_that_is_gone() -> None:
    store_model("v1", NEAR, popular=["rug", "lamp"])
    catalogue.save(items=[Item(item_id=f"i{n}", name="x", available=False) for n in range(101)])
    epoch = serving.state().epoch
    names = {"trending": [("cup", 2.0), ("i7", 1.0)], "popular": [("lamp", 3.0)]}
    live_lists.save({name: entries[:1] for name, entries in names.items()}, epoch=epoch)

    with metered() as meter:
        answer = recommend.serve(recommender="personal", user_id="nobody", limit=2)
    assert meter.round_trips == 2
    assert shown(answer) == [("cup", "trending"), ("lamp", "popular")]

    # A list of an earlier epoch is compared with the catalogue.
    live_lists.save(names, epoch=epoch - 1)
    answer = recommend.serve(recommender="personal", user_id="nobody")
    assert shown(answer) == [("cup", "trending"), ("lamp", "popular")]


@pytest.mark.usefixtures("_ann")
def test_any_recommender_may_be_a_fallback_in_the_order_given() -> None:
    answer = recommend.serve(
        recommender="bought_together",
        user_id="bob",
        item_ids=["tea"],
        fallbacks=("similar", "latest", "popular"),
    )

    assert shown(answer) == [
        ("milk", "bought_together"),
        ("cup", "bought_together"),
        ("pot", "similar"),
        ("spoon", "similar"),
        ("lamp", "popular"),
        ("rug", "popular"),
    ]
    assert [row.support for row in answer.results[:3]] == [12, 7, 3]


@pytest.mark.usefixtures("_ann")
def test_rules_and_filters_hold_for_fallbacks_too_and_the_list_stays_full() -> None:
    catalogue.save(
        items=[
            Item(item_id="lamp", name="Lamp", categories=("home",), attributes={"brand": "x"}),
            Item(item_id="pot", name="Pot", categories=("home",), attributes={"brand": "x"}),
            Item(item_id="cup", name="Cup", categories=("home",), attributes={"brand": "y"}),
            Item(item_id="ad", name="Ad", categories=("home",)),
        ]
    )
    rules = Rules(
        pin=(Pin(item_id="ad", position=2),),
        cap=(Cap(by="attribute", attribute="brand", most=1),),
    )

    answer = recommend.serve(
        recommender="similar",
        item_ids=["tea"],
        filters=[Filters(categories=Terms(any_of=("home",)))],
        rules=rules,
        limit=3,
    )

    assert shown(answer) == [("cup", "similar"), ("ad", "pinned"), ("pot", "similar")]


@pytest.mark.usefixtures("_ann")
def test_changed_settings_hold_at_the_next_answer() -> None:
    before = recommend.serve(recommender="personal", user_id="ann", limit=1)
    weights = EventWeights(purchase=0, view=1)
    store_model("v2", NEAR | {"lamp": [("bulb", 0.5)]})
    recommend.serve(recommender="personal", user_id="ann")

    preferences.change(preferences=Preferences(weights=weights), by="tests")

    assert ids(before) == ["cup"]
    assert ids(recommend.serve(recommender="personal", user_id="ann")) == ["bulb"]


@pytest.fixture
def _long_lists(_ann: None) -> None:
    """Many hidden products, and candidates of which half are gone: the dearest there is."""
    names = [f"i{n:03}" for n in range(300)]
    store_model(
        "v2",
        {item: [(name, 0.9) for name in names[:90]] for item in ("tea", "cake", "milk")},
        popular=names[:200],
        trending=names[100:],
        following={"cake": [(name, 0.5) for name in names[90:180]]},
        baskets={"tea": [Association(name, 0.5, 2, 0.1, 1.0) for name in names[:90]]},
    )
    catalogue.save(
        items=[
            Item(
                item_id=name,
                name=name,
                categories=("all", "third" if n % 3 == 0 else "other"),
                available=n % 2 == 0,
            )
            for n, name in enumerate(names)
        ]
    )
    assert serving.state().epoch > 0
    recommend.serve(recommender="personal", user_id="ann")


_CALLS: dict[str, Callable[..., recommend.Answer]] = {
    name: lambda name=name, **options: recommend.serve(
        recommender=name, user_id="ann", item_ids=["tea", "cake"], **options
    )
    for name in recommend.RECOMMENDERS
}


@pytest.mark.usefixtures("_long_lists")
def test_no_recommender_takes_more_than_three_round_trips_or_shows_what_is_gone() -> None:
    third = [Filters(categories=Terms(any_of=("third",)))]
    rules = Rules(cap=(Cap(by="category", most=2),), pin=(Pin(item_id="i298", position=1),))
    variants: list[dict[str, object]] = [
        {},
        {"filters": third},
        {"filters": third, "explain": True, "expand": True, "limit": 100},
        {"rules": rules, "explain": True},
        {"exclude_purchased": False, "filters": third, "explain": True},
    ]
    for name, call in _CALLS.items():
        for options in variants:
            with metered() as meter:
                answer = call(**options)
            assert meter.round_trips <= 3, (name, options)
            found = ids(answer)
            assert len(found) == len(set(found)) >= 10, (name, options)
            numbers = [int(item_id[1:]) for item_id in found if item_id[1:].isdigit()]
            assert all(number % 2 == 0 for number in numbers), (name, options)
            if "filters" in options:
                assert all(number % 3 == 0 for number in numbers), (name, options)
    with metered() as meter:
        recommend.rank(user_id="ann", item_ids=[f"i{n:03}" for n in range(100)], explain=True)
    assert meter.round_trips <= 3


@pytest.mark.usefixtures("_long_lists")
def test_no_unknown_user_takes_more_than_three_round_trips_either() -> None:
    names = [f"i{n:03}" for n in range(0, 200, 2)]
    entries = [(name, 1.0) for name in names]
    third = [Filters(categories=Terms(any_of=("third",)))]
    variants: list[dict[str, Any]] = [
        {},
        {"expand": True},
        {"filters": third, "limit": 100},
        {"filters": [Filters(labels=Terms(none_of=("x",)))], "expand": True},
        {"rules": Rules(pin=(Pin(item_id="i298", position=1),)), "explain": True},
    ]
    for epoch in (0, serving.state().epoch):
        live_lists.save({"trending": entries, "popular": entries}, epoch=epoch)
        for name in recommend.RECOMMENDERS:
            for options in variants:
                with metered() as meter:
                    answer = recommend.serve(
                        recommender=name, user_id="nobody", item_ids=["i100"], **options
                    )
                assert meter.round_trips <= 3, (name, options)
                assert len(answer.results) >= 10, (name, options)
                assert all(int(item_id[1:]) % 2 == 0 for item_id in ids(answer)), (name, options)
