from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommendations.engine.interactions import InteractionsBuilder


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


def test_the_builder_goes_on_after_a_build():
    builder = InteractionsBuilder()
    builder.add("ann", "tea", weight=1.0, time=0.0)
    first = builder.build()
    builder.add("bob", "cup", weight=1.0, time=0.0)
    assert len(first) == 1
    assert builder.build().item_ids == ("cup", "tea")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.array([np.nan])}, "weights"),
        ({"weights": np.array([-1.0])}, "weights"),
        ({"weights": np.array([1.0, 1.0])}, "length"),
        ({"times": np.array([np.inf])}, "times"),
        ({"items": np.array([5], dtype=np.int32)}, "item codes"),
        ({"user_ids": ("b", "a")}, "user ids"),
        ({"item_ids": ("a", "a")}, "item ids"),
    ],
)
def test_inconsistent_columns_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(build(("ann", "tea")), **change)
