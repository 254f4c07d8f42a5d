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
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import get_resolver, resolve
from django.utils.encoding import escape_uri_path
from rest_framework.request import Request
from rest_framework.views import APIView

from core.api.answers import Saved
from core.api.idempotency import once
from core.api.media import JSONResponse
from core.api.queries import Query, parse_query
from core.validation import Id, InvalidInputError, validate


class NoBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an operation that takes none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What `operation` was told about a method."""

    summary: str
    scopes: tuple[str, ...]
    query: type[Query]
    body: Any
    answer: Any
    statuses: tuple[int, ...]
    idempotent: bool
    description: str | None
    row_key: str | None


# All operations, for whoever documents them.
operations: list[tuple[Callable[..., JSONResponse], Operation]] = []


class ApiView(APIView):
    """Base of all views of the API.

    Attributes
    ----------
    row
        For a sub-resource the name of its row's path. An id may be spelt, or end, like the
        sub-resource: methods that this view does not have are meant for that row.
    """

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    row: str | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **path: str) -> HttpResponseBase:
        method = request.method.lower() if request.method else ""
        if self.row and method in self.http_method_names and not hasattr(self, method):
            return self._dispatch_to_row(request, path)
        return super().dispatch(request, *args, **path)

    def _dispatch_to_row(self, request: HttpRequest, path: dict[str, str]) -> HttpResponseBase:
        # By an id that nothing else is called, because this one leads here again.
        match = resolve(f"/{get_resolver().reverse(self.row, '-')}")
        (name,) = match.kwargs
        request.resolver_match = match
        ending = request.path_info[:-1].rpartition("/")[2]
        return match.func(request, **{name: "/".join([*path.values(), ending])})

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
    saves: bool = False,
    creates: str | None = None,
    idempotent: bool = False,
    description: str | None = None,
    row_key: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., JSONResponse]]:
    """Turn a method into an operation; it takes the path's ids and, if it wants, query and body.

    What the path holds is an id, or of the type that the method's parameter says.

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
    saves
        The method returns what it has saved as `Saved`: the status is 201 for what is new, and
        200 for what was replaced.
    creates
        The field of the answer that holds the id of a new row, for ``Location``.
    idempotent
        Honour ``Idempotency-Key``.
    description
        For the documentation; by default the method's docstring.
    row_key
        What the path calls the id that the method takes as ``row_id``.
    """

    declared = Operation(
        summary=summary,
        scopes=(scope,) if isinstance(scope, str) else scope,
        query=query,
        body=body,
        answer=answer,
        statuses=(200, 201) if saves else (status,),
        idempotent=idempotent,
        description=description,
        row_key=row_key,
    )

    def decorate(handler: Callable[..., Any]) -> Callable[..., JSONResponse]:
        wants_query = "query" in inspect.signature(handler).parameters
        ids = _path_struct(handler, row_key)

        @wraps(handler)
        def run(view: APIView, request: Request, **path: str) -> JSONResponse:
            arguments: dict[str, Any] = msgspec.structs.asdict(validate(ids, path))
            parsed = parse_query(query, request.query_params)
            if wants_query:
                arguments["query"] = parsed
            if body is not None:
                if request.stream is None:
                    raise InvalidInputError({"": ["Send a JSON body."]})
                arguments["body"] = request.data if by_row else validate(body, request.data)
            elif request.method in {"POST", "PUT", "PATCH"}:
                validate(NoBody, request.data or {})

            def call() -> JSONResponse:
                answer = handler(view, **arguments)
                if isinstance(answer, Saved):
                    return JSONResponse(answer.row, status=201 if answer.is_new else 200)
                return JSONResponse(answer, status=status)

            response = once(request, call) if idempotent else call()
            if creates is not None and response.status_code == 201:
                row_id = msgspec.to_builtins(response.data)[creates]
                response.headers["Location"] = _address(request, row_id)
            return response

        run.operation = declared  # type: ignore[attr-defined]
        operations.append((run, declared))
        return run

    return decorate


def path_kind(parameter: inspect.Parameter) -> Any:
    """Return the type of what a path holds: an id, unless the method says otherwise."""
    return Id if parameter.annotation is str else parameter.annotation


def _path_struct(handler: Callable[..., Any], row_key: str | None) -> type[msgspec.Struct]:
    """Make the type of what the path holds, with the handler's names for it."""
    # A struct, which is compiled once; other types are compiled at each check.
    return msgspec.defstruct(
        "Path",
        [
            (name, path_kind(parameter))
            for name, parameter in list(inspect.signature(handler).parameters.items())[1:]
            if name not in {"query", "body"}
        ],
        rename={"row_id": row_key} if row_key else None,
        forbid_unknown_fields=True,
    )


def _address(request: Request, row_id: str) -> str:
    address = f"{escape_uri_path(request.path)}{quote(row_id, safe='')}/"
    return str(request.build_absolute_uri(address))
