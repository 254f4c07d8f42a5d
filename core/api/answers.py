"""What the API answers beside rows: errors, and the outcome of a bulk request."""

from typing import Annotated, Any, NamedTuple

import msgspec


class Saved(NamedTuple):
    """What an operation has saved, and whether there was nothing in its place before."""

    row: Any
    is_new: bool


class ErrorContent(msgspec.Struct, frozen=True):
    """What went wrong, for programs (`code`), for people (`message`), and by field."""

    code: str
    message: str
    details: dict[str, list[str]]


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of every answer that is not a success."""

    error: ErrorContent


class RejectedRow(msgspec.Struct, frozen=True):
    """A row of a bulk request that was not accepted."""

    index: Annotated[int, msgspec.Meta(ge=0, description="Its place in the request, from 0.")]
    error: ErrorContent


class BulkAnswer(msgspec.Struct, frozen=True):
    """How many rows were accepted, and what is wrong with the others."""

    accepted: int
    rejected: list[RejectedRow]
