from __future__ import annotations

import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommendations.engine.interactions import InteractionsBuilder
from recommendations.engine.models import ItemNeighbours
from recommendations.engine.packing import Neighbour, Neighbours
from recommendations.engine.rank import MAX_READ, HistoryItem, rank, recent_items


def bought(item_id, *, weight=1.0, at="2024-01-01T00:00:00Z", event="purchase", event_id="e"):
    return HistoryItem(item_id, weight, event, at, event_id)


NEIGHBOURS = {
    "tea": Neighbours.of([Neighbour("cup", 0.8, 9), Neighbour("jam", 0.2, 3)]),
    "jam": Neighbours.of([Neighbour("tea", 0.5, 3), Neighbour("cup", 0.1, 2)]),
}


def test_scores_add_up_over_the_history():
    best = rank(
        history=[bought("tea"), bought("jam", weight=0.5)],
        neighbours=NEIGHBOURS,
        exclude={"tea", "jam"},
        limit=5,
    )
    assert [(each.item_id, each.score) for each in best] == [("cup", 0.8 + 0.5 * 0.1)]


def test_causes_name_the_events_with_the_largest_share_first():
    (best,) = rank(
        history=[bought("jam"), bought("tea", event="cart")],
        neighbours=NEIGHBOURS,
        exclude={"tea", "jam"},
        limit=1,
    )
    assert [(cause.item_id, cause.event) for cause in best.causes] == [
        ("tea", "cart"),
        ("jam", "purchase"),
    ]
    assert best.causes[0].share > 0.88


def test_ties_are_broken_by_item_id():
    row = Neighbours.of(Neighbour(item_id, 0.5, 1) for item_id in ("d", "b", "c", "a"))
    best = rank(history=[bought("x")], neighbours={"x": row}, exclude=(), limit=3)
    assert [each.item_id for each in best] == ["a", "b", "c"]


def test_the_fifty_rows_that_carry_the_most_count():
    history = [bought(f"i{number:02}", weight=1.0 + number % 3) for number in range(60)]
    neighbours = {
        row.item_id: Neighbours.of(
            [Neighbour(f"to-{row.item_id}", 0.5, 1), Neighbour("all", number / 100, 1)]
        )
        for number, row in enumerate(history)
    }
    best = rank(history=history[::-1], neighbours=neighbours, exclude={"all"}, limit=100)
    carried = {row.item_id: row.weight * (0.5 + number / 100) for number, row in enumerate(history)}
    most = sorted(carried, key=carried.__getitem__)[-50:]
    assert {each.item_id for each in best} == {f"to-{item_id}" for item_id in most}


def test_products_without_neighbours_take_no_place_of_others():
    history = [bought(f"new{number}") for number in range(60)] + [bought("tea")]
    best = rank(history=history, neighbours=NEIGHBOURS, exclude=(), limit=5)
    assert [each.item_id for each in best] == ["cup", "jam"]


def test_of_an_order_of_many_lines_not_only_the_first_ids_stay():
    order = [bought(f"i{line:03}") for line in range(300)]
    kept = sorted(row.item_id for row in recent_items(order))
    assert len(kept) == MAX_READ
    assert 0.2 * MAX_READ < sum(item_id < "i100" for item_id in kept) < 0.5 * MAX_READ


def test_repeats_fold_into_one_row_with_the_strongest_event():
    history = [bought("tea", weight=0.5, event="cart"), bought("tea"), bought("tea", weight=0.5)]
    (row,) = recent_items(history)
    assert row.event == "purchase"
    assert row.weight == pytest.approx(math.log2(1 + 2.0))


def test_one_purchase_is_worth_one_and_nothing_is_left_out():
    history = [bought("tea"), bought("jam", weight=0.0, event="dislike")]
    assert [(row.item_id, row.weight) for row in recent_items(history)] == [("tea", 1.0)]


def test_folded_rows_are_newest_first():
    history = [bought(item, at=f"2024-01-0{day}T00:00:00Z") for day, item in enumerate("abc", 1)]
    assert [row.item_id for row in recent_items(history)] == ["c", "b", "a"]


def test_of_a_long_history_the_strong_and_the_recent_stay():
    often = [bought("often", at=f"2024-01-0{day}T00:00:00Z") for day in range(1, 8)]
    once = [bought(f"i{day:02}", at=f"2024-02-{day:02}T00:00:00Z") for day in range(1, 29)]
    kept = {row.item_id for row in recent_items([*often, *once], limit=10)}
    assert kept == {"often", *(f"i{day:02}" for day in range(20, 29))}


def test_serving_and_training_recommend_the_same():
    random = np.random.default_rng(3)
    builder = InteractionsBuilder()
    history = []
    for event in range(400):
        # Orders of ten lines, so that many rows are equally new.
        item, moment = f"i{random.integers(250):03}", event // 10
        weight = float(random.choice([0.2, 0.5, 1.0]))
        at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=7 * moment)
        builder.add("ann", item, weight=weight, time=at.timestamp())
        history.append(bought(item, weight=weight, at=at.isoformat(), event_id=str(event)))
    for event in range(3000):
        builder.add(f"u{event % 300}", f"i{random.integers(250):03}", weight=1.0, time=0.0)
    model = ItemNeighbours(threads=1, k=30, source_exponent=0.3).fit(builder.build(), now=0.0)
    served = rank(
        history=recent_items(history),
        neighbours={item: Neighbours.of(near) for item, near in model.neighbours()},
        exclude={row.item_id for row in history},
        limit=20,
    )
    trained = model.recommend("ann", 20)
    assert [row.item_id for row in served] == [item for item, _ in trained]
    assert [row.score for row in served] == pytest.approx([score for _, score in trained], rel=1e-5)
    whole = model.clone(history=None).fit(builder.build(), now=0.0).recommend("ann", 20)
    assert whole != trained


def test_a_disliked_item_says_nothing():
    history = [bought("tea", weight=0.0, event="dislike")]
    assert rank(history=history, neighbours=NEIGHBOURS, exclude=(), limit=5) == []


def test_causes_can_be_left_out():
    (best,) = rank(history=[bought("tea")], neighbours=NEIGHBOURS, exclude=(), limit=1, causes=0)
    assert best.causes == ()


@given(
    st.lists(
        st.builds(
            bought,
            st.sampled_from("abcdef"),
            weight=st.floats(0, 10),
            event_id=st.text("xyz", min_size=1, max_size=2),
        ),
        max_size=60,
    ),
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.lists(
            st.builds(Neighbour, st.sampled_from("abcdefgh"), st.floats(0, 1), st.just(1)),
            max_size=8,
        ).map(Neighbours.of),
    ),
    st.sets(st.sampled_from("abcdefgh")),
    st.randoms(),
)
def test_shares_and_order_hold_for_any_history(history, neighbours, exclude, random):
    best = rank(history=history, neighbours=neighbours, exclude=exclude, limit=5)
    assert not {each.item_id for each in best} & exclude
    assert best == sorted(best, key=lambda each: (-each.score, each.item_id))
    for each in best:
        shares = [cause.share for cause in each.causes]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) <= 1
    shuffled = random.sample(history, len(history))
    assert [e.item_id for e in best] == [
        e.item_id for e in rank(history=shuffled, neighbours=neighbours, exclude=exclude, limit=5)
    ] or len({(row.at, row.event_id, row.item_id) for row in history}) < len(history)


def test_serving_never_imports_numpy():
    program = (
        "import sys; import recommendations.engine.packing, recommendations.engine.rank, "
        "recommendations.engine.weights; sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
