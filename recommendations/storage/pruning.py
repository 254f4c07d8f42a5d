"""Neighbour rows of which a part, or all, is of no version that may serve."""

from collections.abc import Collection
from dataclasses import dataclass

from core.dynamodb.batch import Delete, Put, Write, write_batch
from recommendations.models import CleaningRow, NeighboursRow
from recommendations.storage.neighbours import needed_row

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What came of a page: rows looked at, rows changed or removed, and where to go on."""

    rows: int
    changed: int
    position: str | None


def position() -> str | None:
    """Return after which row the last run stopped; None for the beginning."""
    row = CleaningRow.load(CleaningRow.PK, CleaningRow.SK, consistent=True)
    return None if row is None else row.position


def keep_position(position: str | None) -> None:
    """Remember where to go on; None for the beginning."""
    row = CleaningRow(CleaningRow.PK, CleaningRow.SK)
    if position is None:
        row.delete()
    else:
        row.position = position
        row.save()


def prune(*, retained: Collection[str], after: str | None) -> Pruned:
    """Take out of one page of rows what none of these versions reads; remove those left empty.

    Only while nobody writes neighbours.
    """
    found = NeighboursRow.scan(
        limit=_PAGE,
        page_size=_PAGE,
        consistent_read=True,
        last_evaluated_key=None if after is None else NeighboursRow.key(after),
    )
    rows = list(found)
    writes: list[Write] = []
    for row in rows:
        shorter = needed_row(row, retained)
        if shorter is None:
            writes.append(Delete(NeighboursRow, row.item_kind))
        elif shorter.generations != row.generations:
            writes.append(Put(shorter))
    write_batch(writes)
    more = found.last_evaluated_key
    name = NeighboursRow.item_kind.attr_name
    return Pruned(
        rows=len(rows), changed=len(writes), position=None if more is None else more[name]["S"]
    )
