"""Pages lead on and back again, whatever their number."""

import hashlib

import pytest

from core.dynamodb.errors import CursorError
from core.staff.paging import Trail, read_trail

SCOPE = "staff:things?"


def walk(pages: int, *, position: object = "p") -> Trail:
    trail = Trail()
    for number in range(pages):
        trail = read_trail(trail.next_cursor([position, number], scope=SCOPE), scope=SCOPE)
    return trail


def test_the_first_page_has_no_page_before_it() -> None:
    assert read_trail("", scope=SCOPE) == Trail()
    assert Trail().previous_cursor(scope=SCOPE) is None


def test_the_way_back_passes_the_same_pages() -> None:
    trail = walk(4)
    seen = [trail.position]
    while cursor := trail.previous_cursor(scope=SCOPE):
        trail = read_trail(cursor, scope=SCOPE)
        seen.append(trail.position)

    assert seen == [["p", 3], ["p", 2], ["p", 1], ["p", 0]]
    assert cursor == ""


def test_a_cursor_stays_short_however_long_the_way() -> None:
    trail = Trail()
    for number in range(200):
        # A text that does not compress, unlike most.
        position = hashlib.sha256(str(number).encode()).hexdigest()
        cursor = trail.next_cursor(position, scope=SCOPE)
        assert len(cursor) < 2000
        trail = read_trail(cursor, scope=SCOPE)

    steps_back = 0
    while cursor := trail.previous_cursor(scope=SCOPE):
        trail = read_trail(cursor, scope=SCOPE)
        steps_back += 1
    assert steps_back > 1
    assert cursor is None, "the way back ends, but not as if it had reached the first page"


def test_forged_and_foreign_cursors_are_refused() -> None:
    for cursor in ["x", "abc:def:ghi", walk(1).next_cursor("p", scope="other")]:
        with pytest.raises(CursorError):
            read_trail(cursor, scope=SCOPE)
