"""Bodies of requests: parts of a row, rows with an id in the path, and many rows at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from core.api.errors import ApiError, invalid_content
from core.validation import InvalidInputError, validate

MAX_ROWS = 1000

_S = TypeVar("_S", bound=msgspec.Struct)
_T = TypeVar("_T")


def changes_of(kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Return the struct of a PATCH: the same fields, each of which may be left out."""
    return msgspec.defstruct(
        f"{kind.__name__}Changes",
        [
            (field.encode_name, field.type | msgspec.UnsetType, msgspec.UNSET)
            for field in msgspec.structs.fields(kind)
        ],
        namespace={"__doc__": f"The fields of a {kind.__name__} to change; the others stay."},
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


def with_changes(row: _S, changes: msgspec.Struct, *, key: str) -> _S:
    """Return a row with a PATCH applied; its key may be repeated, but not changed."""
    changed: dict[str, Any] = msgspec.to_builtins(changes)
    return with_key(type(row), {**msgspec.to_builtins(row), **changed}, key, getattr(row, key))


def with_key(kind: type[_S], body: Any, key: str, value: str) -> _S:
    """Return the row that a PUT means: its body, and its key from the path.

    Raises
    ------
    InvalidInputError
        When the body names another key, or is not valid.
    """
    if isinstance(body, dict):
        if body.get(key, value) != value:
            raise InvalidInputError({key: ["This differs from the id in the path; leave it out."]})
        body = {**body, key: value}
    return validate(kind, body)


@dataclass(frozen=True, slots=True)
class Rows(Generic[_T]):
    """The rows of a bulk request that are valid, and what is wrong with the others."""

    accepted: Sequence[tuple[int, _T]]
    rejected: Sequence[dict[str, Any]]

    @property
    def answer(self) -> dict[str, Any]:
        return {"accepted": len(self.accepted), "rejected": self.rejected}


def read_rows(body: Any, read: Callable[[Any], _T]) -> Rows[_T]:
    """Check the rows of a bulk request one by one with ``read``.

    Raises
    ------
    InvalidInputError
        When the body is not an array.
    ApiError
        413 when it has too many rows.
    """
    if not isinstance(body, list):
        raise InvalidInputError({"": ["Send an array of rows."]})
    if len(body) > MAX_ROWS:
        raise ApiError(413, f"Send at most {MAX_ROWS} rows at once; these are {len(body)}.")
    accepted: list[tuple[int, _T]] = []
    rejected: list[dict[str, Any]] = []
    for index, raw in enumerate(body):
        try:
            accepted.append((index, read(raw)))
        except InvalidInputError as error:
            rejected.append({"index": index, "error": invalid_content(error)})
    return Rows(accepted, rejected)
