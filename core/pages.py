"""A page of a list, and where the next one starts."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

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
