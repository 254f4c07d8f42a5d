from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommendations.engine.interactions import InteractionsBuilder
from recommendations.engine.models import ItemNeighbours

NOW = 100 * 86_400.0

events = st.lists(
    st.tuples(
        st.sampled_from([f"u{n}" for n in range(8)]),
        st.sampled_from([f"i{n}" for n in range(8)]),
        st.sampled_from([0.2, 0.5, 1.0]),
        st.integers(0, 100),
    ),
    min_size=1,
    max_size=60,
)


def fitted(rows, *, threads=1, **params):
    builder = InteractionsBuilder()
    for user, item, weight, day in rows:
        builder.add(user, item, weight=weight, time=day * 86_400.0)
    return ItemNeighbours(threads=threads, **params).fit(builder.build(), now=NOW)


def table(model):
    return dict(model.neighbours())


@settings(deadline=None, max_examples=20)
@given(events, st.randoms())
def test_the_order_of_events_changes_nothing(rows, random):
    assert table(fitted(random.sample(rows, len(rows)))) == table(fitted(rows))


@settings(deadline=None, max_examples=20)
@given(events, st.permutations(range(8)))
def test_renaming_users_changes_nothing(rows, names):
    renamed = [(f"u{names[int(user[1])]}", *rest) for user, *rest in rows]
    assert table(fitted(renamed)) == table(fitted(rows))


@settings(deadline=None, max_examples=20)
@given(events, st.permutations(range(8)))
def test_renaming_items_renames_neighbours_and_nothing_else(rows, names):
    def renamed(item):
        return f"i{names[int(item[1])]}"

    before = table(fitted(rows))
    after = table(fitted([(user, renamed(item), *rest) for user, item, *rest in rows]))
    assert set(after) == {renamed(item) for item in before}
    for item, row in before.items():
        weights = {renamed(neighbour.item_id): neighbour.weight for neighbour in row}
        # The ridge sums in the order of items, in float32.
        assert {n.item_id: n.weight for n in after[renamed(item)]} == pytest.approx(
            weights, rel=1e-3, abs=1e-6
        )


@settings(deadline=None, max_examples=20)
@given(events)
def test_weights_are_finite_and_positive_and_no_item_is_its_own_neighbour(rows):
    for item_id, row in fitted(rows).neighbours():
        assert item_id not in {neighbour.item_id for neighbour in row}
        assert row == sorted(row, key=lambda n: (-n.weight, n.item_id))
        for neighbour in row:
            assert np.isfinite(neighbour.weight)
            assert neighbour.weight > 0


@settings(deadline=None, max_examples=20)
@given(events)
def test_support_counts_the_users_who_share_both(rows):
    users = {}
    for user, item, _, _ in rows:
        users.setdefault(item, set()).add(user)
    for item_id, row in fitted(rows).neighbours():
        for neighbour in row:
            assert neighbour.support == len(users[item_id] & users[neighbour.item_id])


@settings(deadline=None, max_examples=20)
@given(events)
def test_one_thread_and_two_give_the_same(rows):
    assert table(fitted(rows, threads=1)) == table(fitted(rows, threads=2))


def test_what_is_taken_now_goes_before_what_was_taken_once():
    rows = []
    for user in range(10):
        rows += [(f"u{user}", "tea", 1.0, 0), (f"u{user}", "old", 1.0, 0)]
        rows += [(f"u{user}", "new", 1.0, 100)]
    model = fitted(rows)
    assert [neighbour.item_id for neighbour in model.similar_items("tea")] == ["new", "old"]
    flat = fitted(rows, trend_exponent=0.0)
    assert [neighbour.item_id for neighbour in flat.similar_items("tea")] == ["new", "old"]
    first, second = flat.similar_items("tea")
    assert first.weight == second.weight


def test_only_the_newest_items_of_a_huge_history_are_learnt():
    rows = [("robot", f"i{n}", 1.0, n) for n in range(6)]
    model = fitted(rows, max_items_per_user=3)
    assert set(table(model)) == {"i3", "i4", "i5"}


def test_a_row_ends_at_k():
    rows = [("u1", f"i{n}", 1.0, 0) for n in range(8)]
    assert {len(row) for row in table(fitted(rows, k=3)).values()} == {3}


def test_a_basket_alone_can_be_answered():
    model = fitted([("a", "tea", 1.0, 0), ("a", "cup", 1.0, 0), ("b", "tea", 1.0, 0)])
    assert [item for item, _ in model.recommend_items([("tea", 1.0), ("odd", 1.0)])] == ["cup"]


def test_duplicates_are_summed():
    twice = [("a", "tea", 0.5, 0), ("a", "tea", 0.5, 0), ("a", "cup", 1.0, 0)]
    once = [("a", "tea", 1.0, 0), ("a", "cup", 1.0, 0)]
    assert table(fitted(twice)) == table(fitted(once))


def test_popular_sources_count_more_and_keep_their_neighbours(shop):
    plain = ItemNeighbours(threads=1).fit(shop, now=NOW)
    tilted = ItemNeighbours(threads=1, source_exponent=0.5).fit(shop, now=NOW)
    events = np.bincount(shop.items, minlength=shop.n_items)
    assert (plain.table_.indices == tilted.table_.indices).all()
    for item in (0, 19, 20, 39):
        row = slice(plain.table_.indptr[item], plain.table_.indptr[item + 1])
        factor = (events[item] / events.mean()) ** 0.5
        assert tilted.table_.data[row] == pytest.approx(factor * plain.table_.data[row], rel=1e-5)
