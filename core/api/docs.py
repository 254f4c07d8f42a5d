"""The OpenAPI schema, and a page to read and try it, without a CDN or inline scripts."""

from functools import lru_cache
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET


@lru_cache(maxsize=1)
def openapi() -> dict[str, Any]:
    """Return the OpenAPI 3.1 schema of the whole API."""
    from core.api import schema

    return schema.openapi()


@require_GET
def schema(request: HttpRequest) -> HttpResponse:
    # Behind API Gateway the paths start after the name of the stage.
    servers = [{"url": request.META.get("SCRIPT_NAME") or "/"}]
    return HttpResponse(
        msgspec.json.encode({**openapi(), "servers": servers}), content_type="application/json"
    )


@require_GET
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "core/api_docs.html")
