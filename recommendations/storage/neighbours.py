"""Neighbour rows of each kind: only what a new model version changes is written.

A row keeps its content by generation, and each generation stands until the next. A new version so
costs nothing where its neighbours are the same as before, readers of the live version see none of
it until the switch, and going back is the same switch.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec

from core.dynamodb.batch import READ_LIMIT, Get, Put, chunks, read_batch, write_batch
from recommendations.engine.associations import (
    Association,
    pack_associations,
    unpack_associations,
)
from recommendations.engine.packing import (
    NO_NEIGHBOURS,
    Neighbour,
    Neighbours,
    pack_neighbours,
    unpack_neighbours,
)
from recommendations.models import NeighboursRow

logger = logging.getLogger(__name__)

Kind = Literal["similar", "bought-together", "next"]

_PACK: Mapping[Kind, Callable[[Any], bytes]] = {
    "similar": pack_neighbours,
    "bought-together": pack_associations,
    "next": pack_neighbours,
}
_THREADS = 4

#: An item and its neighbours as they are stored; no bytes where it has none.
Packed = tuple[str, bytes]

_Near = TypeVar("_Near", Neighbour, Association)
_Row = TypeVar("_Row", Neighbours, list[Association])


@dataclass(frozen=True, slots=True)
class Written:
    """How many items have neighbours, and how many rows had to be written for that."""

    items: int
    changed: int


@dataclass(frozen=True, slots=True)
class _Generation:
    version: str
    packed: bytes


def get(item_id: str, *, kind: Kind = "similar") -> Get:
    """Return the request for the neighbours of an item, to be read in a batch."""
    return Get(NeighboursRow, f"{item_id}#{kind}")


def unpack(row: NeighboursRow, *, version: str) -> Neighbours:
    """Return the neighbours of a similar or next row that hold in a model version.

    None of a damaged one, which the next training writes anew.
    """
    return _unpacked(row, version, unpack_neighbours) or NO_NEIGHBOURS


def unpack_bought_together(row: NeighboursRow, *, version: str) -> list[Association]:
    """Return the partners of a bought-together row that hold in a model version; see `unpack`."""
    return _unpacked(row, version, unpack_associations) or []


def _unpacked(row: NeighboursRow, version: str, unpacking: Callable[[bytes], _Row]) -> _Row | None:
    packed = _in_force(_generations(row), version)
    try:
        return unpacking(packed) if packed else None
    except ValueError:
        logger.warning("a row of neighbours is damaged: %s", row.item_kind)
        return None


def pack(
    rows: Iterable[tuple[str, Sequence[Neighbour] | Sequence[Association]]], *, kind: Kind
) -> Iterator[Packed]:
    """Yield items with their neighbours of one kind as they are stored."""
    return ((item_id, _PACK[kind](near) if near else b"") for item_id, near in rows)


def save(
    *,
    version: str,
    retained: Collection[str],
    rows: Iterable[tuple[str, Sequence[Neighbour] | Sequence[Association]]],
    kind: Kind = "similar",
    progress: Callable[[int], None] = lambda _: None,
) -> Written:
    """Pack and write the neighbours of a version; see `save_packed`.

    Parameters
    ----------
    rows
        Items with their neighbours, or with associations for the kind ``bought-together``; an
        empty list ends those that an item had.
    """
    return save_packed(
        version=version,
        retained=retained,
        rows=pack(rows, kind=kind),
        kind=kind,
        progress=progress,
    )


def save_packed(
    *,
    version: str,
    retained: Collection[str],
    rows: Iterable[Packed],
    kind: Kind,
    progress: Callable[[int], None] = lambda _: None,
) -> Written:
    """Write the neighbours of a version where they differ from those in force before it.

    Parameters
    ----------
    version
        Later in order than all versions before it.
    retained
        The versions that must go on to read what they read now.
    rows
        As from `pack`.
    kind
    progress
        Called with the number of items of each finished part.

    Raises
    ------
    BatchIncompleteError
        When DynamoDB refused part of the rows; the retained versions are as before.
    """
    items = changed = 0

    def run(part: list[Packed]) -> int:
        return _save_part(part, kind=kind, version=version, retained=retained)

    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        for window in chunks(chunks(rows, READ_LIMIT), 2 * _THREADS):
            futures = [pool.submit(copy_context().run, run, part) for part in window]
            for part, future in zip(window, futures, strict=True):
                changed += future.result()
                items += sum(1 for _, content in part if content)
                progress(len(part))
    return Written(items, changed)


def _save_part(
    part: Sequence[Packed], *, kind: Kind, version: str, retained: Collection[str]
) -> int:
    gets = [get(item_id, kind=kind) for item_id, _ in part]
    stored = read_batch(gets, consistent=True)
    writes = []
    for (_, content), wanted, row in zip(part, gets, stored, strict=True):
        before = _generations(row) if isinstance(row, NeighboursRow) else []
        if _in_force(before, version) == content:
            continue
        kept = _needed(before, retained)
        writes.append(Put(_to_row(wanted.hash_key, [_Generation(version, content), *kept])))
    write_batch(writes)
    return len(writes)


def needed_row(row: NeighboursRow, versions: Collection[str]) -> NeighboursRow | None:
    """Return a row with what these versions read; None when that is nothing at all."""
    kept = _needed(_generations(row), versions)
    if not any(each.packed for each in kept):
        return None
    return _to_row(row.item_kind, kept)


def _needed(generations: Sequence[_Generation], versions: Collection[str]) -> list[_Generation]:
    """Return the generations that some version reads, newest first."""
    used = {
        next((each.version for each in generations if each.version <= version), None)
        for version in versions
    }
    return [each for each in generations if each.version in used]


def _in_force(generations: Sequence[_Generation], version: str) -> bytes:
    return next((each.packed for each in generations if each.version <= version), b"")


def _generations(row: NeighboursRow) -> list[_Generation]:
    """Return what a row holds, newest first; nothing of a damaged one."""
    try:
        sizes = msgspec.convert(row.generations, list[tuple[str, int]])
    except msgspec.ValidationError:
        logger.warning("a row of neighbours is damaged: %s", row.item_kind)
        return []
    found = []
    start = 0
    for version, size in sizes:
        found.append(_Generation(version, row.packed[start : start + size]))
        start += size
    return found


def _to_row(item_kind: str, generations: Sequence[_Generation]) -> NeighboursRow:
    return NeighboursRow(
        item_kind,
        generations=[[each.version, len(each.packed)] for each in generations],
        packed=b"".join(each.packed for each in generations),
    )
