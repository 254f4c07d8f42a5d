from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommendations.engine.associations import (
    Association,
    pack_associations,
    unpack_associations,
)
from recommendations.engine.interactions import InteractionsBuilder
from recommendations.engine.models import BoughtTogether


def fitted(*baskets, **params):
    builder = InteractionsBuilder()
    for number, basket in enumerate(baskets):
        for item in basket:
            builder.add(f"u{number}", item, weight=1.0, time=0.0, basket=str(number))
    return BoughtTogether(threads=1, **params).fit(builder.build(), now=0.0)


def test_support_confidence_and_lift_are_those_of_the_baskets():
    model = fitted({"tea", "cup"}, {"tea", "cup"}, {"tea"}, {"jam"})
    rows = dict(model.associations())
    (cup,) = rows["tea"]
    assert (cup.item_id, cup.support) == ("cup", 2)
    assert cup.confidence == pytest.approx(2 / 3)
    assert cup.lift == pytest.approx((2 / 3) / (2 / 4))
    assert cup.score == pytest.approx(2 / (3 * 2) ** 0.5, rel=1e-5)


def test_pairs_met_by_chance_are_left_out():
    baskets = [{"tea", "cup"}, {"tea", "cup"}, {"tea", "jam"}]
    assert [n.item_id for n in fitted(*baskets).similar_items("tea")] == ["cup"]
    assert len(fitted(*baskets, min_support=1).similar_items("tea")) == 2


def test_events_outside_a_basket_say_nothing():
    builder = InteractionsBuilder()
    for item in ("tea", "cup"):
        builder.add("ann", item, weight=1.0, time=0.0)
    assert list(BoughtTogether().fit(builder.build(), now=0.0).associations()) == []


associations = st.lists(
    st.builds(
        Association,
        st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20),
        st.floats(0, 1),
        st.integers(0, 10**9),
        st.floats(0, 1, width=32),
        st.floats(0, 1e6, width=32),
    ),
    max_size=100,
)


@given(associations)
def test_packed_rows_keep_everything_but_the_scores_last_digits(row):
    unpacked = unpack_associations(pack_associations(row))
    assert [(a.item_id, *a[2:]) for a in unpacked] == [(a.item_id, *a[2:]) for a in row]
    largest = max((a.score for a in row), default=0.0)
    assert [a.score for a in unpacked] == pytest.approx([a.score for a in row], abs=largest / 255)


@given(associations, st.data())
def test_a_damaged_row_is_a_clear_error(row, data):
    packed = bytearray(pack_associations(row))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="row of neighbours"):
        unpack_associations(bytes(packed))


def test_a_row_of_ordinary_ids_stays_under_four_kilobytes():
    row = [Association(f"SKU-2024-{n:08}", 0.5, 1000 + n, 0.5, 3.0) for n in range(100)]
    assert len(pack_associations(row)) < 4_096
