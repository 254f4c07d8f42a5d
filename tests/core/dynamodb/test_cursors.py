"""Cursors carry a position that nobody else can make."""

import pytest

from core.dynamodb.cursors import decode_cursor, encode_cursor
from core.dynamodb.errors import CursorError


def test_a_cursor_gives_its_position_back() -> None:
    position = ["2026-11-01", "é#17850"]

    assert decode_cursor(encode_cursor(position, scope="events"), scope="events") == position


@pytest.mark.parametrize("cursor", ["", "x", "a:b:c", "é", "\x00", "of another list"])
def test_a_forged_or_foreign_cursor_is_refused(cursor: str) -> None:
    if cursor == "of another list":
        cursor = encode_cursor(["1"], scope="users")

    with pytest.raises(CursorError, match="start again without"):
        decode_cursor(cursor, scope="events")


def test_a_changed_cursor_is_refused() -> None:
    cursor = encode_cursor(["1"], scope="events")

    with pytest.raises(CursorError):
        decode_cursor(cursor[:-2] + ("AA" if not cursor.endswith("AA") else "BB"), scope="events")


def test_a_cursor_of_an_earlier_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = encode_cursor(["1"], scope="events")
    monkeypatch.setattr("core.dynamodb.cursors._FORMAT", 2)

    with pytest.raises(CursorError, match="earlier version"):
        decode_cursor(cursor, scope="events")
