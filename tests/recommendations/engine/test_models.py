"""What every estimator promises."""

from __future__ import annotations

import numpy as np
import pytest

from recommendations.engine.interactions import Interactions, InteractionsBuilder
from recommendations.engine.models import (
    BoughtTogether,
    BuyAgain,
    ContentNeighbours,
    ItemNeighbours,
    NextItem,
    NotFittedError,
    Popular,
)
from recommendations.engine.text import ItemText

DAY = 86_400.0
NOW = 100 * DAY
TEXTS = tuple(ItemText(f"i{n:02}", f"thing {n % 7} of kind {n % 3}") for n in range(60))
MODELS = [
    ItemNeighbours(),
    ItemNeighbours(base_share=1.0, k=5, source_exponent=0.3),
    Popular(),
    Popular(window_days=14.0),
    BoughtTogether(min_support=1),
    BuyAgain(),
    ContentNeighbours(items=TEXTS),
    NextItem(),
]


@pytest.fixture(params=MODELS, ids=lambda model: type(model).__name__)
def model(request):
    return request.param.clone(threads=1)


def test_fit_returns_the_estimator(model, shop):
    assert model.fit(shop, now=NOW) is model


def test_params_make_an_equal_estimator(model, shop):
    twin = type(model)(**model.get_params())
    assert twin.get_params() == model.get_params()
    assert twin.fit(shop, now=NOW).recommend("u001") == model.fit(shop, now=NOW).recommend("u001")


def test_an_unfitted_estimator_says_so(model):
    with pytest.raises(NotFittedError, match=type(model).__name__):
        model.recommend("u001")


def test_recommendations_are_new_items_best_first_with_finite_scores(model, shop):
    model.fit(shop, now=NOW)
    for code, user_id in enumerate(shop.user_ids[:15]):
        seen = {shop.item_ids[item] for item in shop.items[shop.users == code]}
        best = model.recommend(user_id, 15)
        assert best
        assert len(best) <= 15
        if model.exclude_seen:
            assert not seen & {item for item, _ in best}
        assert best == sorted(best, key=lambda entry: (-entry[1], entry[0]))
        assert all(np.isfinite(score) and score > 0 for _, score in best)


def test_seen_items_may_come_back_on_request(model, shop):
    user_id = shop.user_ids[0]
    seen = {shop.item_ids[item] for item in shop.items[shop.users == 0]}
    best = model.clone(exclude_seen=False).fit(shop, now=NOW).recommend(user_id, 60)
    assert seen & {item for item, _ in best}


def test_many_users_at_once_get_what_each_gets_alone(model, shop):
    model.fit(shop, now=NOW)
    users = np.array([5, 3, 11])
    together = model.recommend_many(users, 8)
    assert together.shape == (3, shop.n_items)
    for row, code in enumerate(users):
        alone = model.recommend(shop.user_ids[code], 8)
        assert [shop.item_ids[item] for item in together[row].indices] == [i for i, _ in alone]


def test_an_item_is_never_similar_to_itself(model, shop):
    model.fit(shop, now=NOW)
    for item_id in shop.item_ids[::4]:
        similar = model.similar_items(item_id, 5)
        assert len(similar) <= 5
        assert item_id not in {neighbour.item_id for neighbour in similar}


def test_strangers_get_nothing_and_no_error(model, shop):
    model.fit(shop, now=NOW)
    assert model.recommend("nobody") == []
    assert model.similar_items("nothing") == []


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("ann", "tea")],
        [("ann", "tea"), ("ann", "cup")],
        [("ann", "tea"), ("bob", "tea"), ("cat", "tea")],
        [("ann", "tea"), ("ann", "tea"), ("ann", "tea")],
        [("a" * 128, "ü" * 128), ("a" * 128, "t" * 128), ("b" * 128, "t" * 128)],
    ],
    ids=["nothing", "one event", "one user", "one item", "one pair", "long ids"],
)
def test_tiny_shops_make_a_valid_model(model, rows):
    builder = InteractionsBuilder()
    for user, item in rows:
        # In the future: clocks of clients are wrong at times.
        builder.add(user, item, weight=1.0, time=NOW + 1e6)
    interactions = builder.build()
    model.fit(interactions, now=NOW)
    for user_id in interactions.user_ids:
        assert all(np.isfinite(score) for _, score in model.recommend(user_id))
    for item_id in model.item_ids_:
        assert all(np.isfinite(near.weight) for near in model.similar_items(item_id))
    assert model.recommend_many(np.arange(interactions.n_users), 3).shape == (
        interactions.n_users,
        len(model.item_ids_),
    )


def test_times_in_the_future_count_as_now(model, shop):
    late = shop.times > 90 * DAY
    times = np.where(late, NOW + 1e6, shop.times)
    present = rebuilt(shop, times=np.where(late, NOW, shop.times))
    ahead = rebuilt(shop, times=times)
    assert lists(model.clone().fit(ahead, now=NOW)) == lists(model.fit(present, now=NOW))


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1.0])
def test_weights_that_mean_nothing_reach_no_model(shop, weight):
    weights = np.ones(len(shop))
    weights[3] = weight
    with pytest.raises(ValueError, match="weight"):
        rebuilt(shop, weights=weights)


def test_order_of_users_and_items_changes_nothing(model, shop):
    """Ids that sort the other way round: every code changes, no result does."""
    mirrored = InteractionsBuilder()
    for row in range(len(shop) - 1, -1, -1):
        mirrored.add(
            f"u{119 - int(shop.user_ids[shop.users[row]][1:]):03}",
            shop.item_ids[shop.items[row]],
            weight=1.0,
            time=float(shop.times[row]),
            basket=str(shop.baskets[row]),
        )
    model.fit(mirrored.build(), now=NOW)
    twin = model.clone().fit(shop, now=NOW)
    for number in range(0, 120, 9):
        mine, other = model.recommend(f"u{119 - number:03}", 8), twin.recommend(f"u{number:03}", 8)
        assert [item for item, _ in mine] == [item for item, _ in other]
        assert [score for _, score in mine] == pytest.approx([score for _, score in other])


def test_threads_change_nothing(model, shop):
    assert lists(model.clone(threads=3).fit(shop, now=NOW)) == lists(model.fit(shop, now=NOW))


def test_an_event_twice_is_an_event_of_twice_the_weight(model, shop):
    twice = rebuilt(shop, rows=np.repeat(np.arange(len(shop)), 2))
    heavy = rebuilt(shop, weights=np.full(len(shop), 2.0))
    model.fit(twice, now=NOW)
    assert lists(model) == lists(model.clone().fit(heavy, now=NOW))


def rebuilt(shop, *, rows=slice(None), weights=1.0, times=None):
    """The same events with other weights or times, or some of them more than once."""
    return Interactions.from_columns(
        users=shop.users[rows],
        items=shop.items[rows],
        weights=weights,
        times=(shop.times if times is None else times)[rows],
        baskets=shop.baskets[rows],
        user_ids=shop.user_ids,
        item_ids=shop.item_ids,
    )


def lists(model):
    return {user_id: model.recommend(user_id, 6) for user_id in model.user_ids_[::11]}
