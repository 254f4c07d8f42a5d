"""Logs as JSON lines: one object per line, each with the request that it belongs to.

Neither paths nor arguments nor bodies are written, since they name customers; a request is known
by its route and its id. Nor are the messages of most exceptions: `KeyError: 'ada@example.org'` is
one.
"""

import json
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from core.dynamodb.meter import metered
from core.middleware import request_id, route_of
from project.metrics import consumed, embedded, kind_of

__all__ = [
    "AccessLog",
    "JsonFormatter",
    "TextFormatter",
    "WithoutPaths",
    "request_id",
    "route_of",
]

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


# What these say is about us and AWS, not about what a client sent.
_SPEAKING = (BotoCoreError, ClientError, ImproperlyConfigured, OSError)


class TextFormatter(logging.Formatter):
    """A line of text, and below it where an exception came from."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  # the name in `logging`
        return "".join(_explained(ei[1])).rstrip()


def _explained(error: BaseException) -> Iterator[str]:
    """Yield the lines of a traceback; of most exceptions the type alone, without a message."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _explained(cause)
        yield "\nthen\n\n"
    yield from traceback.format_tb(error.__traceback__)
    if isinstance(error, _SPEAKING):
        yield from traceback.format_exception_only(error)
    else:
        yield f"{type(error).__qualname__}\n"


class JsonFormatter(TextFormatter):
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


class AccessLog:
    """Middleware that writes one line for each request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started, worked = time.perf_counter(), time.thread_time()
        with metered() as meter:
            response = self._get_response(request)
        processor = round((time.thread_time() - worked) * 1000, 1)
        route, status = route_of(request), response.status_code
        values = {
            "Requests": 1,
            "ClientErrors": int(400 <= status < 500),
            "ServerErrors": int(status >= 500),
            "Latency": round((time.perf_counter() - started) * 1000, 1),
            **consumed(meter),
        }
        data = {
            "method": request.method,
            "route": route,
            "status": status,
            "processor_milliseconds": processor,
        }
        data |= embedded(values, Kind=kind_of(route))
        _access.info("request", extra={"data": data})
        return response
