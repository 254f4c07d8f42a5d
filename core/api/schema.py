"""The OpenAPI schema, from the same declarations that check the requests.

Imported when somebody asks for it: a cold start has better things to do.
"""

import inspect
from collections.abc import Callable
from importlib import import_module
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from core.api.answers import ErrorBody
from core.api.operations import ApiView, Operation, operations, path_kind

_REFERENCE = "#/components/schemas/{name}"
_components: dict[str, Any] = {}


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "core.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, _auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "The word `Api-Key`, a space, and the key.",
        }


def openapi() -> dict[str, Any]:
    """Return the OpenAPI 3.1 schema of the whole API."""
    # Views declare their operations when they are imported.
    import_module(settings.ROOT_URLCONF)
    ApiView.schema = AutoSchema()
    for handler, declared in operations:
        _document(handler, declared)
    schema: dict[str, Any] = SchemaGenerator().get_schema(public=True)
    return schema


def schema_of(kind: Any) -> dict[str, Any]:
    """Return the JSON schema of a type; the structs in it become components."""
    # One by one: msgspec takes no union of structs, though as alternatives here they are clear.
    choices = get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)
    schemas = []
    for choice in choices:
        (schema,), parts = msgspec.json.schema_components([choice], ref_template=_REFERENCE)
        schemas.append(_with_numbers(schema))
        for name, part in _with_numbers(parts).items():
            if _components.setdefault(name, part) != part:
                message = f"two structs of the API are called {name}; rename one"
                raise ValueError(message)
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _with_numbers(schema: Any) -> Any:
    """Say that decimals may come as numbers too; msgspec says it of text only."""
    if isinstance(schema, list):
        return [_with_numbers(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _with_numbers(value) for name, value in schema.items()}
    return {**found, "type": ["string", "number"]} if schema.get("format") == "decimal" else found


def add_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the structs to the schema (drf-spectacular's post-processing hook)."""
    result.setdefault("components", {}).setdefault("schemas", {}).update(_components)
    for methods in result["paths"].values():
        for operation in methods.values():
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
    return result


def _parameter(name: str, kind: Any, location: Any, *, required: bool) -> OpenApiParameter:
    choices = [choice for choice in get_args(kind) if choice is not type(None)]
    if get_origin(kind) in {Union, UnionType} and len(choices) == 1:
        kind = choices[0]  # A parameter is left out rather than null.
    schema = schema_of(kind)
    return OpenApiParameter(
        name, schema, location, required=required, description=schema.pop("description", "")
    )


def _path_parameters(handler: Callable[..., Any], row_key: str | None) -> list[OpenApiParameter]:
    parameters = list(inspect.signature(handler).parameters.items())[1:]
    return [
        _parameter(
            row_key if row_key and name == "row_id" else name,
            path_kind(parameter),
            OpenApiParameter.PATH,
            required=True,
        )
        for name, parameter in parameters
        if name not in {"query", "body"}
    ]


def _query_parameters(query: type[msgspec.Struct]) -> list[OpenApiParameter]:
    return [
        _parameter(field.encode_name, field.type, OpenApiParameter.QUERY, required=field.required)
        for field in msgspec.structs.fields(query)
    ]


_IDEMPOTENCY_KEY = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Kept for 24 hours: the same request under the same key is done once.",
    ),
]
_ERRORS = {
    400: "Not valid; `details` says which field and why.",
    401: "No valid API key or session.",
    403: "The key or role does not allow this.",
    404: "There is no such thing.",
    409: "In conflict with the present state.",
    413: "Too large.",
    415: "Not JSON.",
    422: "The `Idempotency-Key` was used with another request.",
    429: "Too many requests; `Retry-After` says when to go on.",
    503: "Busy; `Retry-After` says when to try again.",
}


def _document(handler: Any, declared: Operation) -> None:
    """Attach the documentation of an operation, for drf-spectacular to find."""
    parameters = [
        *_path_parameters(inspect.unwrap(handler), declared.row_key),
        *_query_parameters(declared.query),
    ]
    skipped = {422} if not declared.idempotent else set()
    if not declared.idempotent and 202 not in declared.statuses:
        skipped.add(409)
    if declared.body is None:
        skipped |= {413, 415}
    if declared.idempotent:
        parameters.append(
            _parameter("Idempotency-Key", _IDEMPOTENCY_KEY, OpenApiParameter.HEADER, required=False)
        )
    error = schema_of(ErrorBody)
    responses: dict[int, Any] = {
        code: OpenApiResponse(error, description=text)
        for code, text in _ERRORS.items()
        if code not in skipped
    }
    success = schema_of(declared.answer) if declared.answer is not None else None
    texts = ("Replaced.", "Created.") if len(declared.statuses) > 1 else ("Done.",)
    for code, text in zip(declared.statuses, texts, strict=True):
        responses[code] = OpenApiResponse(success, description=text)
    description = declared.description or handler.__doc__
    text = inspect.cleandoc(description) + "\n\n" if description else ""
    scopes = " or ".join(f"`{scope}`" for scope in declared.scopes)
    handler.kwargs = {"schema": AutoSchema}
    extend_schema(
        operation_id=declared.summary.lower().replace(" ", "_").replace("-", "_"),
        summary=declared.summary,
        description=f"{text}Needs the scope {scopes}.",
        parameters=parameters,
        request=None if declared.body is None else {"application/json": schema_of(declared.body)},
        responses=responses,
    )(handler)
