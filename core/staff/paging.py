"""Paging both ways over lists that can only go forward.

A page's cursor holds the positions of the pages before it too, so that "Previous" leads to
exactly the page that one came from, and a link to any page can be shared.
"""

from dataclasses import dataclass
from typing import Any

from core.dynamodb.cursors import decode_cursor, encode_cursor
from core.dynamodb.errors import CursorError

# Keeps an address well below the limits of browsers and of API Gateway.
_LONGEST_CURSOR = 1500


@dataclass(frozen=True, slots=True)
class Trail:
    """The way to a page: the positions of the pages walked through, this page's own last."""

    positions: tuple[Any, ...] = ()

    @property
    def position(self) -> Any:
        """Return where this page starts; None at the start of the list."""
        return self.positions[-1] if self.positions else None

    def next_cursor(self, position: Any, *, scope: str) -> str:
        """Return the cursor of the page that starts at ``position``."""
        steps = [*self.positions, position]
        while len(cursor := encode_cursor(steps, scope=scope)) > _LONGEST_CURSOR and len(steps) > 2:
            # The oldest steps go first; None marks that the way back no longer reaches the start.
            steps = [None, *steps[2:]]
        return cursor

    def previous_cursor(self, *, scope: str) -> str | None:
        """Return the cursor of the page before; ``""`` for the first page, None if unknown."""
        if not self.positions:
            return None
        before = self.positions[:-1]
        if before == (None,):
            return None
        return encode_cursor(list(before), scope=scope) if before else ""


def read_trail(cursor: str, *, scope: str) -> Trail:
    """Return the trail in a cursor; that of the first page for an empty one.

    Raises
    ------
    CursorError
        When the cursor is forged or belongs to another list.
    """
    if not cursor:
        return Trail()
    positions = decode_cursor(cursor, scope=scope)
    if not isinstance(positions, list):
        message = "this cursor is not of this list; start again without one"
        raise CursorError(message)
    return Trail(tuple(positions))
