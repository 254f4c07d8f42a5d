"""Operations: methods of a view that declare their scope, query, body and answer.

One declaration checks the request, documents it, and decides who may call it. A method without
it is open to nobody.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import quote

import msgspec
from django.utils.encoding import escape_uri_path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.idempotency import once
from core.api.queries import Query, parse_query
from core.api.schema import document
from core.validation import Id, InvalidInputError, validate


class NoBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an operation that takes none."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What `operation` was told about a method."""

    scopes: tuple[str, ...]


class ApiView(APIView):
    """Base of all views of the API."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]

    @property
    def default_response_headers(self) -> dict[str, str]:
        # Answers name people; no cache between us and the client may keep them.
        return {**super().default_response_headers, "Cache-Control": "no-store"}


def operation(
    summary: str,
    *,
    scope: str | tuple[str, ...],
    query: type[Query] = Query,
    body: Any = None,
    by_row: bool = False,
    answer: Any = None,
    status: int = 200,
    idempotent: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Turn a method into an operation; it takes the path's ids and, if it wants, query and body.

    Parameters
    ----------
    scope
        What the caller needs, as the scope of a key or through a role; one of them is enough.
    body
        Type of the JSON body, checked before the handler runs.
    by_row
        Hand the body over unchecked: the handler checks row by row.
    answer
        Type of the answer's body, for the documentation.
    idempotent
        Honour ``Idempotency-Key``.
    """

    scopes = (scope,) if isinstance(scope, str) else scope

    def decorate(handler: Callable[..., Any]) -> Callable[..., Response]:
        wants_query = "query" in inspect.signature(handler).parameters

        @wraps(handler)
        def run(view: APIView, request: Request, **path: str) -> Response:
            arguments: dict[str, Any] = {
                name: _path_id(name, value) for name, value in path.items()
            }
            parsed = parse_query(query, request.query_params)
            if wants_query:
                arguments["query"] = parsed
            if body is not None:
                arguments["body"] = request.data if by_row else validate(body, request.data)
            elif request.method in {"POST", "PUT", "PATCH"}:
                validate(NoBody, request.data or {})

            def call() -> Response:
                result = handler(view, **arguments)
                return result if isinstance(result, Response) else Response(result, status=status)

            return once(request, call) if idempotent else call()

        run.operation = Operation(scopes=scopes)  # type: ignore[attr-defined]
        return document(
            run,
            summary=summary,
            description=handler.__doc__,
            scopes=scopes,
            query=query,
            body=body,
            answer=answer,
            status=status,
            idempotent=idempotent,
        )

    return decorate


def _path_id(name: str, value: str) -> str:
    try:
        return validate(Id, value)
    except InvalidInputError as error:
        raise InvalidInputError({name: error.details[""]}) from error


def created(request: Request, result: Any, *, row_id: str) -> Response:
    """Answer that a row of a collection was created, and where it is."""
    address = f"{escape_uri_path(request.path)}{quote(row_id, safe='')}/"
    return Response(result, status=201, headers={"Location": request.build_absolute_uri(address)})
