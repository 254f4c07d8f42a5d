from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommendations.engine.packing import Neighbour, Neighbours, pack_neighbours, unpack_neighbours

ids = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=128)
rows = st.lists(
    st.builds(
        Neighbour,
        ids,
        st.floats(0, 1e300, allow_subnormal=False),
        st.integers(0, 2**40),
    ),
    max_size=120,
)


@given(rows)
def test_ids_supports_and_order_survive_and_weights_to_one_step(row):
    unpacked = unpack_neighbours(pack_neighbours(row))
    assert [(n.item_id, n.support) for n in unpacked] == [(n.item_id, n.support) for n in row]
    largest = max((n.weight for n in row), default=0.0)
    for before, after in zip(row, unpacked, strict=True):
        assert abs(before.weight - after.weight) <= largest / 255
        assert (before.weight > 0) == (after.weight > 0)


def test_columns_read_as_the_rows_that_they_are_made_of():
    row = [Neighbour("cup", 0.8, 9), Neighbour("jam", 0.2, 3)]
    columns = Neighbours.of(row)
    assert list(columns) == row
    assert (columns[1], len(columns), bool(columns)) == (row[1], 2, True)
    assert columns[:1] == Neighbours.of(row[:1]) != columns
    assert not Neighbours.of([])


def test_a_hundred_ordinary_ids_stay_under_four_kilobytes():
    row = [Neighbour(f"SKU-2024-{i:08}-EU", 1 / (i + 1), 100_000 + i) for i in range(100)]
    assert len(pack_neighbours(row)) < 4_096


@given(rows.filter(bool), st.data())
def test_a_damaged_row_is_a_clear_error(row, data):
    packed = bytearray(pack_neighbours(row))
    position = data.draw(st.integers(0, len(packed) - 1))
    packed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="row of neighbours"):
        unpack_neighbours(bytes(packed))


@given(rows, st.data())
def test_a_row_cut_short_is_a_clear_error(row, data):
    packed = pack_neighbours(row)
    length = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(ValueError, match="row of neighbours"):
        unpack_neighbours(packed[:length])


@pytest.mark.parametrize(
    "neighbour",
    [
        Neighbour("a\nb", 1.0, 1),
        Neighbour("", 1.0, 1),
        Neighbour("a", float("nan"), 1),
        Neighbour("a", -1.0, 1),
        Neighbour("a", 1.0, -1),
    ],
)
def test_what_cannot_be_packed_is_refused(neighbour):
    with pytest.raises(ValueError):
        pack_neighbours([neighbour])
