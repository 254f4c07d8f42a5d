from __future__ import annotations

import pytest

from recommendations.engine.interactions import InteractionsBuilder
from recommendations.engine.models import BuyAgain, ContentNeighbours, NextItem
from recommendations.engine.text import ItemText

DAY = 86_400.0


def build(*rows):
    builder = InteractionsBuilder()
    for user, item, day in rows:
        builder.add(user, item, weight=1.0, time=day * DAY)
    return builder.build()


def test_what_people_come_back_for_is_bought_again_before_what_lasts():
    rows = [(f"u{n}", "coffee", day) for n in range(10) for day in (1, 2)]
    rows += [(f"u{n}", "kettle", 2) for n in range(10)]
    model = BuyAgain(threads=1).fit(build(*rows), now=3 * DAY)
    assert [item for item, _ in model.recommend("u0")] == ["coffee", "kettle"]


def test_two_lines_at_the_same_moment_are_no_return():
    once = [(f"u{n}", "twin", 1) for n in range(10) for _ in range(2)]
    back = [(f"u{n}", "back", day) for n in range(10) for day in (1, 1.1)]
    model = BuyAgain(threads=1, trend_exponent=0.0).fit(build(*once, *back), now=3 * DAY)
    assert [item for item, _ in model.recommend("u0")] == ["back", "twin"]


def test_next_items_follow_in_one_direction():
    rows = [(f"u{n}", item, day) for n in range(5) for day, item in enumerate("abc")]
    model = NextItem(threads=1).fit(build(*rows), now=3 * DAY)
    assert [n.item_id for n in model.similar_items("a")] == ["b", "c"]
    assert [n.item_id for n in model.similar_items("b")] == ["c"]
    assert model.similar_items("c") == []


def test_a_later_step_counts_less_and_the_window_ends():
    rows = [("u", item, day) for day, item in enumerate("abcdefgh")]
    model = NextItem(threads=1, window=3, column_exponent=0.0).fit(build(*rows), now=9 * DAY)
    weights = [n.weight for n in model.similar_items("a")]
    assert weights == pytest.approx([1.0, 0.7, 0.49])


def test_the_last_thing_done_leads():
    rows = [(f"u{n}", item, day) for n in range(4) for day, item in enumerate("ab")]
    rows += [(f"v{n}", item, day) for n in range(4) for day, item in enumerate("cd")]
    model = NextItem(threads=1).fit(build(*rows, ("me", "a", 0), ("me", "c", 5)), now=9 * DAY)
    assert [item for item, _ in model.recommend("me")] == ["d", "b"]


def test_items_of_one_order_have_no_direction():
    model = NextItem(threads=1).fit(build(("u", "a", 0), ("u", "b", 0)), now=DAY)
    assert list(model.neighbours()) == []


def test_new_items_find_neighbours_by_their_words():
    texts = (
        ItemText("1", "Red tea cup", ("kitchen",)),
        ItemText("2", "Blue TEA CUP", ("kitchen",), ("sale",)),
        ItemText("3", "Garden gnome", ("garden",)),
        ItemText("4", "Garden hose", ("garden",)),
        ItemText("5"),
    )
    model = ContentNeighbours(items=texts, threads=1).fit(build(("ann", "1", 0)), now=0.0)
    assert [n.item_id for n in model.similar_items("2")] == ["1"]
    assert [n.item_id for n in model.similar_items("3")] == ["4"]
    assert model.similar_items("5") == []
    assert [item for item, _ in model.recommend("ann")] == ["2"]


def test_an_item_is_cold_below_five_events():
    rows = [(f"u{n}", "warm", 0) for n in range(5)] + [("u1", "cool", 0)]
    texts = (ItemText("cold", "x"),)
    model = ContentNeighbours(items=texts, threads=1).fit(build(*rows), now=0.0)
    assert model.cold_items() == {"cool", "cold"}
