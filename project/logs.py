"""Logs as JSON lines: one object per line, each with the request that it belongs to.

Neither paths nor arguments nor bodies are written, since they name customers; a request is known
by its route and its id.
"""

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse

from core.middleware import request_id

__all__ = ["AccessLog", "JsonFormatter", "WithoutPaths", "request_id", "route_of"]

_access = logging.getLogger("project.access")


class WithoutPaths(logging.Filter):
    """Rewrites Django's own messages about requests: they hold paths, and those customers' ids."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if record.name.startswith("django.") and request is not None:
            status = getattr(record, "status_code", "")
            record.msg = f"status {status} {route_of(request)}".strip()
            record.args = ()
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object per record; what ``extra={"data": …}`` holds is merged in."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id.get():
            line["request_id"] = request_id.get()
        line.update(getattr(record, "data", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def route_of(request: object) -> str:
    """Return the pattern that a request matched, such as ``api/v1/items/<str:item_id>/``."""
    match = getattr(request, "resolver_match", None)
    return str(getattr(match, "route", "") or "")


class AccessLog:
    """Middleware that writes one line for each request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self._get_response(request)
        data = {
            "method": request.method,
            "route": route_of(request),
            "status": response.status_code,
            "milliseconds": round((time.perf_counter() - started) * 1000, 1),
        }
        _access.info("request", extra={"data": data})
        return response
