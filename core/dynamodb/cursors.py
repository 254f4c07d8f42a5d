"""Page cursors that a client can hold but neither read meaning into nor forge."""

from typing import Any

from django.core import signing

from core.dynamodb.errors import CursorError

_FORMAT = 1


def encode_cursor(position: Any, *, scope: str) -> str:
    """Return a signed cursor for a JSON position in the list that ``scope`` names."""
    return str(signing.dumps([_FORMAT, position], salt=f"cursor:{scope}", compress=True))


def decode_cursor(cursor: str, *, scope: str) -> Any:
    """Return the position in a cursor.

    Raises
    ------
    CursorError
        When the cursor is forged, comes from another list, or has an old format.
    """
    try:
        form, position = signing.loads(cursor, salt=f"cursor:{scope}")
    except (signing.BadSignature, ValueError, TypeError) as error:
        message = "this cursor is not of this list; start again without one"
        raise CursorError(message) from error
    if form != _FORMAT:
        message = "this cursor is from an earlier version; start again without one"
        raise CursorError(message)
    return position
