from __future__ import annotations

import numpy as np
import pytest

from recommendations.engine.interactions import Interactions, InteractionsBuilder


def build(*rows):
    builder = InteractionsBuilder()
    for user, item in rows:
        builder.add(user, item, weight=1.0, time=0.0)
    return builder.build()


def test_codes_follow_the_order_of_ids():
    interactions = build(("zoe", "tea"), ("ann", "tea"), ("ann", "cup"))
    assert interactions.user_ids == ("ann", "zoe")
    assert interactions.item_ids == ("cup", "tea")
    assert interactions.users.tolist() == [1, 0, 0]
    assert interactions.items.tolist() == [1, 1, 0]


def test_columns_have_the_documented_types():
    interactions = build(("ann", "tea"))
    assert interactions.users.dtype == interactions.items.dtype == np.int32
    assert interactions.baskets.dtype == np.int32
    assert interactions.weights.dtype == interactions.times.dtype == np.float64
    assert interactions.weight_codes.dtype == np.uint8
    assert interactions.seconds.dtype == np.uint32


def test_lines_of_one_order_share_a_basket_code():
    builder = InteractionsBuilder()
    builder.add("ann", "tea", weight=1.0, time=0.0, basket="o1")
    builder.add("ann", "cup", weight=1.0, time=0.0, basket="o1")
    builder.add("ann", "jam", weight=1.0, time=0.0)
    assert builder.build().baskets.tolist() == [0, 0, -1]


def test_an_event_without_worth_is_left_out():
    builder = InteractionsBuilder()
    builder.add("ann", "tea", weight=0.0, time=0.0)
    assert len(builder) == 0
    assert builder.build().user_ids == ()


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1.0])
def test_a_weight_that_is_no_worth_is_refused_and_nothing_is_added(weight):
    builder = InteractionsBuilder()
    with pytest.raises(ValueError, match="weight"):
        builder.add("ann", "tea", weight=weight, time=0.0)
    assert len(builder) == 0


def test_a_time_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="time"):
        InteractionsBuilder().add("ann", "tea", weight=1.0, time=float("nan"))


def test_empty_ids_are_refused():
    with pytest.raises(ValueError, match="empty"):
        InteractionsBuilder().add("", "tea", weight=1.0, time=0.0)


def test_the_builder_starts_anew_after_a_build():
    builder = InteractionsBuilder()
    builder.add("ann", "tea", weight=1.0, time=0.0, basket="o1")
    first = builder.build()
    builder.add_order("bob", ["cup", "jam"], weight=1.0, time=0.0)
    assert (first.item_ids, first.baskets.tolist()) == (("tea",), [0])
    second = builder.build()
    assert (second.item_ids, second.baskets.tolist()) == (("cup", "jam"), [0, 0])


def test_weights_are_kept_exactly_however_many_there_are():
    builder = InteractionsBuilder()
    weights = [0.2 + number / 7 for number in range(300)]
    for weight in weights:
        builder.add("ann", "tea", weight=weight, time=0.0)
    built = builder.build()
    assert built.weights.tolist() == weights
    again = Interactions.from_columns(
        users=built.users,
        items=built.items,
        weights=built.weights,
        user_ids=("ann",),
        item_ids=("tea",),
    )
    assert again.weights.tolist() == weights


def test_an_event_takes_13_bytes_and_17_with_an_order():
    builder = InteractionsBuilder()
    for number in range(100):
        builder.add("ann", f"i{number}", weight=0.2, time=0.0)
    assert column_bytes(builder.build().take(slice(None))) == 13 * 100
    for _ in range(100):
        builder.add_order("ann", ["tea", "cup"], weight=1.0, time=0.0)
    assert column_bytes(builder.build()) == 17 * 200


def column_bytes(interactions):
    names = ("users", "items", "weight_codes", "seconds", "baskets")
    columns = [getattr(interactions, name) for name in names]
    return sum(column.nbytes for column in columns if column.strides[0])


def test_times_are_whole_seconds_between_1970_and_2106():
    builder = InteractionsBuilder()
    for number, time in enumerate([1.9, -5.0, 1e12]):
        builder.add("ann", f"i{number}", weight=1.0, time=time)
    times = builder.build().times
    assert times.tolist() == [1.0, 0.0, 2.0**32 - 1]
    assert (times[1] - times[0]) == -1.0


def test_blocks_are_the_events_in_their_order(monkeypatch):
    monkeypatch.setattr("recommendations.engine.interactions._BLOCK", 2)
    whole = build(("ann", "tea"), ("bob", "cup"), ("ann", "jam"), ("bob", "tea"), ("ann", "cup"))
    blocks = list(whole.in_blocks())
    assert [len(block) for block in blocks] == [2, 2, 1]
    assert np.concatenate([block.items for block in blocks]).tolist() == whole.items.tolist()
    assert np.concatenate([block.weights for block in blocks]).tolist() == whole.weights.tolist()


def columns(**changes):
    given = {
        "users": np.array([0]),
        "items": np.array([0]),
        "user_ids": ("ann",),
        "item_ids": ("tea",),
    }
    return {**given, **changes}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.array([np.nan])}, "weights"),
        ({"weights": np.array([-1.0])}, "weights"),
        ({"weights": np.array([1.0, 1.0])}, "length"),
        ({"times": np.array([np.inf])}, "times"),
        ({"items": np.array([5])}, "item codes"),
        ({"user_ids": ("b", "a")}, "user ids"),
        ({"item_ids": ("a", "a")}, "item ids"),
    ],
)
def test_inconsistent_columns_are_refused(change, message):
    Interactions.from_columns(**columns())
    with pytest.raises(ValueError, match=message):
        Interactions.from_columns(**columns(**change))
