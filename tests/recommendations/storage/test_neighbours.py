"""Neighbour rows change only where a version differs, and each version reads its own."""

from collections.abc import Iterator

import pytest

from core.dynamodb.batch import read_batch
from core.dynamodb.connection import call
from recommendations.engine.associations import Association
from recommendations.engine.packing import Neighbour, Neighbours
from recommendations.models import NeighboursRow
from recommendations.storage import neighbours
from recommendations.storage.serving import Candidates, candidates

pytestmark = pytest.mark.usefixtures("dynamodb")


def near(*item_ids: str) -> list[Neighbour]:
    return [Neighbour(item_id, 1.0 / place, 5) for place, item_id in enumerate(item_ids, 1)]


def read(item_id: str, version: str) -> list[str]:
    (row,) = read_batch([neighbours.get(item_id)])
    if row is None:
        return []
    assert isinstance(row, NeighboursRow)
    return [each.item_id for each in neighbours.unpack(row, version=version)]


def test_each_version_reads_its_own_neighbours() -> None:
    neighbours.save(version="v1", retained=[], rows=[("tea", near("cup", "pot"))])
    neighbours.save(version="v2", retained=["v1"], rows=[("tea", near("mug"))])

    assert read("tea", "v1") == ["cup", "pot"]
    assert read("tea", "v2") == ["mug"]
    assert read("tea", "v0") == []


def test_what_is_the_same_is_not_written_and_holds_on() -> None:
    first = [("tea", near("cup")), ("cake", near("plate")), ("soap", [])]
    assert neighbours.save(version="v1", retained=[], rows=first) == neighbours.Written(2, 2)

    second = [("tea", near("cup")), ("cake", near("fork")), ("soap", [])]
    assert neighbours.save(version="v2", retained=["v1"], rows=second) == neighbours.Written(2, 1)

    assert read("tea", "v2") == ["cup"]
    assert read("cake", "v2") == ["fork"]


@pytest.mark.parametrize(
    "damage",
    [
        {"packed": {"B": b"garbage"}},
        {"packed": {"N": "7"}},
        {"generations": {"S": "[["}},
        {"generations": {"S": '[["v1"]]'}},
        {"generations": {"S": "[[1,2]]"}},
        {"generations": {"N": "7"}},
    ],
)
def test_a_damaged_row_says_nothing_and_is_written_anew(damage: dict[str, object]) -> None:
    rows = [("tea", near("cup")), ("cake", near("plate"))]
    neighbours.save(version="v1", retained=[], rows=rows)
    table, key = NeighboursRow.Meta.table_name, NeighboursRow.key("tea#similar")
    row = call("GetItem", TableName=table, Key=key)["Item"]
    call("PutItem", TableName=table, Item={**row, **damage})

    assert (read("tea", "v1"), read("cake", "v1")) == ([], ["plate"])
    assert neighbours.save(version="v2", retained=["v1"], rows=rows) == neighbours.Written(2, 1)
    assert read("tea", "v2") == ["cup"]


def test_an_item_that_lost_its_neighbours_has_none_in_the_new_version_only() -> None:
    neighbours.save(version="v1", retained=[], rows=[("tea", near("cup"))])
    neighbours.save(version="v2", retained=["v1"], rows=[("tea", [])])

    assert read("tea", "v1") == ["cup"]
    assert read("tea", "v2") == []


def test_a_version_that_was_left_half_written_changes_nothing_for_the_next() -> None:
    neighbours.save(version="v1", retained=[], rows=[("tea", near("cup")), ("cake", near("plate"))])
    neighbours.save(version="v2", retained=["v1"], rows=[("tea", near("half"))])

    rows = [("tea", near("cup")), ("cake", near("plate"))]
    assert neighbours.save(version="v3", retained=["v1"], rows=rows).changed == 1

    assert read("tea", "v1") == read("tea", "v3") == ["cup"]
    assert read("cake", "v3") == ["plate"]


def test_content_that_no_retained_version_reads_is_dropped() -> None:
    for number in range(1, 6):
        kept = [f"v{number - 1}", f"v{number - 2}"]
        neighbours.save(version=f"v{number}", retained=kept, rows=[("tea", near(f"n{number}"))])

    (row,) = read_batch([neighbours.get("tea")])

    assert [version for version, _ in row.generations] == ["v5", "v4", "v3"]


def test_many_rows_are_written_in_parts_and_never_held_all_at_once() -> None:
    taken: list[int] = []
    done: list[int] = []
    ahead: list[int] = []

    def rows() -> Iterator[tuple[str, list[Neighbour]]]:
        for n in range(1000):
            taken.append(n)
            ahead.append(len(taken) - sum(done))
            yield f"i{n:04}", near(f"i{n + 1:04}")

    written = neighbours.save(version="v1", retained=[], rows=rows(), progress=done.append)

    assert written == neighbours.Written(1000, 1000)
    assert sum(done) == 1000
    assert max(ahead) <= 800
    assert read("i0999", "v1") == ["i1000"]


def test_each_kind_has_rows_of_its_own() -> None:
    cup = Association("cup", 0.5, support=7, confidence=0.25, lift=1.5)
    neighbours.save(version="v1", retained=[], rows=[("tea", near("pot"))])
    neighbours.save(version="v1", retained=[], rows=[("tea", [cup])], kind="bought-together")
    neighbours.save(version="v2", retained=["v1"], rows=[("tea", near("mug"))], kind="next")

    def found(kind: neighbours.Kind, version: str) -> Candidates:
        return candidates(version=version, item_ids=["tea", "none"], kind=kind)

    similar, together = found("similar", "v2"), found("bought-together", "v2")
    assert [row.item_id for row in similar.neighbours["tea"]] == ["pot"]
    assert together.associations == {"tea": [cup]}
    assert together.neighbours == {"tea": Neighbours.of([Neighbour("cup", 0.5, 7)])}
    assert [row.item_id for row in found("next", "v2").neighbours["tea"]] == ["mug"]
    assert found("next", "v1").neighbours == {"tea": Neighbours.of([])}
