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
