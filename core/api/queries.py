"""Query parameters and pages of lists."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from django.http import QueryDict
from django.utils.encoding import escape_uri_path
from rest_framework.request import Request

from core.dynamodb.cursors import decode_cursor, encode_cursor
from core.pages import Page
from core.validation import InvalidInputError, validate

_Q = TypeVar("_Q", bound="Query")
_T = TypeVar("_T")

SearchText = Annotated[
    str, msgspec.Meta(max_length=128, pattern=r"^[^\u0000-\u001f\u007f-\u009f]*$(?!\n)")
]


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The query parameters of an operation: a field of a tuple type may be repeated."""

    debug: Literal["cost"] | None = None


class ListQuery(Query, frozen=True, kw_only=True):
    """The query parameters of a list."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=4000)] | None = None


class Results(msgspec.Struct, Generic[_T], frozen=True):
    """A page of a list, and the address of the next one."""

    results: Sequence[_T]
    next: str | None


@cache
def _parameters(kind: type[Query]) -> dict[str, tuple[str, bool]]:
    """Return for each parameter the name of its field, and whether it may be repeated."""
    return {
        field.encode_name: (field.name, _is_repeatable(field))
        for field in msgspec.structs.fields(kind)
    }


def _is_repeatable(field: msgspec.structs.FieldInfo) -> bool:
    kind = msgspec.inspect.type_info(field.type)
    if isinstance(kind, msgspec.inspect.Metadata):
        kind = kind.type  # A type that has a description is wrapped.
    return isinstance(kind, msgspec.inspect.VarTupleType)


@cache
def _without_parameters(kind: type[_Q]) -> _Q:
    return validate(kind, {})


def parse_query(kind: type[_Q], parameters: QueryDict) -> _Q:
    """Read query parameters.

    Raises
    ------
    InvalidInputError
        When one is unknown, of the wrong type, or given twice where once makes sense.
    """
    if not parameters:
        return _without_parameters(kind)
    known = _parameters(kind)
    raw: dict[str, Any] = {}
    for name, values in parameters.lists():
        if name not in known:
            names = ", ".join(sorted(known))
            raise InvalidInputError({name: [f"This parameter is not known; there are: {names}."]})
        _, is_repeatable = known[name]
        if is_repeatable:
            raw[name] = values
        elif len(values) > 1:
            raise InvalidInputError({name: ["Give this parameter only once."]})
        else:
            raw[name] = values[0]
    query = validate(kind, raw, strict=False)
    for name in raw:
        # Lenient conversion takes the word "null" for no value at all.
        if getattr(query, known[name][0]) is None:
            raise InvalidInputError({name: ["Leave this parameter out to have no value."]})
    return query


def _scope(request: Request) -> str:
    # A cursor is good for the list that it came from only: its path and its filters.
    filters = sorted(
        (name, value)
        for name, values in request.query_params.lists()
        for value in values
        if name not in {"cursor", "limit", "debug"}
    )
    return msgspec.json.encode([request.path, filters]).decode()


def position_of(request: Request, query: ListQuery) -> Any:
    """Return the position in the list that the request's cursor stands for.

    Raises
    ------
    CursorError
        When the cursor is not of this list.
    """
    if query.cursor is None:
        return None
    return decode_cursor(query.cursor, scope=_scope(request))


def results(
    request: Request, page: Page[Any], render: Callable[[Any], Any] | None = None
) -> Results[Any]:
    """Return a page as a list answer, each row through ``render``."""
    rows = [render(row) for row in page.rows] if render else page.rows
    if page.next is None:
        return Results(rows, None)
    parameters = request.query_params.copy()
    parameters["cursor"] = encode_cursor(page.next, scope=_scope(request))
    address = f"{escape_uri_path(request.path)}?{parameters.urlencode()}"
    return Results(rows, request.build_absolute_uri(address))
