"""A page of a list, and where the next one starts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

_Row = TypeVar("_Row")
_Entity = TypeVar("_Entity")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Page(Generic[T_co]):
    """Part of a list.

    Attributes
    ----------
    rows
        As many as were asked for, unless this is the last page.
    next
        A JSON value that the same list function takes as ``position`` to go on, or None at the
        end. It is not signed: `core.dynamodb.cursors` does that for clients.
    """

    rows: tuple[T_co, ...]
    next: Any = None


def page_of(
    rows: Sequence[_Row],
    *,
    limit: int,
    entity: Callable[[_Row], _Entity],
    position: Callable[[_Row], Any],
) -> Page[_Entity]:
    """Make a page of at most ``limit`` rows out of up to one more.

    The row too many only tells that there is a next page; ``position`` says where that starts,
    from the last row of this one.
    """
    more = len(rows) > limit
    kept = rows[:limit]
    return Page(tuple(entity(row) for row in kept), position(kept[-1]) if more else None)


def page_along(
    read: Callable[[Any], Sequence[_Row]],
    keep: Callable[[Sequence[_Row]], Sequence[_Entity | None]],
    *,
    position_of: Callable[[_Row], Any],
    step: int,
    limit: int,
    position: Any,
    reads: int,
) -> Page[_Entity]:
    """Make a page of what passes a test that no key answers, reading on until the page is full.

    After so many reads it returns what it has found and where to go on, so that the cost is
    bounded however little passes.

    Parameters
    ----------
    read
        Returns the next ``step`` rows after a position; fewer only at the end.
    keep
        Returns one entry per row: what it stands for, or None where it does not pass.
    """
    found: list[tuple[Any, _Entity]] = []
    for _ in range(reads):
        rows = read(position)
        kept = zip(map(position_of, rows), keep(rows), strict=True)
        found += [(at, entity) for at, entity in kept if entity is not None]
        if len(found) > limit:
            return Page(tuple(entity for _, entity in found[:limit]), found[limit - 1][0])
        if len(rows) < step:
            return Page(tuple(entity for _, entity in found))
        position = position_of(rows[-1])
    return Page(tuple(entity for _, entity in found), position)
