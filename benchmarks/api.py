"""What our own code costs: a list for a known user, and events in bulk.

Run with ``python -m benchmarks.api``. A list is timed as the processor time that one request takes
in this process, without what it takes to read rows of DynamoDB, beside a Django REST framework view
that returns the same JSON and does nothing else, in a project as ``startproject`` makes it (its
middleware) and with REST framework's own defaults (authentication, negotiation, renderers). Bulk
events are timed by the clock beside a loop of bare ``BatchWriteItem`` calls that writes rows of the
same size to the same endpoint.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from io import BytesIO
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from benchmarks._report import Report, arguments
from benchmarks._stack import local_tables, new_key, small_shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks._report import Report as ReportType

ROUNDS = 10
WARM_UP = 20
REQUESTS = 100
BULK_ROWS = 1_000
BULK_ROUNDS = 8


class _Elsewhere:
    """Processor time of this thread inside `core.dynamodb`: client, round trip, rows made of it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def counted(self) -> Iterator[None]:
        from recommendations.storage import reads

        original: Callable[..., Any] = vars(reads)["read_batch"]

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.thread_time()
            try:
                return original(*args, **kwargs)
            finally:
                self.seconds += time.thread_time() - start

        vars(reads)["read_batch"] = timed
        try:
            yield
        finally:
            vars(reads)["read_batch"] = original


def _request(
    application: Callable[..., Any], path: str, *, key: str = "", body: bytes = b""
) -> bytes:
    statuses: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST" if body else "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": None,
        "wsgi.url_scheme": "http",
        "CONTENT_TYPE": "application/json" if body else "",
        "CONTENT_LENGTH": str(len(body)) if body else "",
        **({"HTTP_AUTHORIZATION": f"Api-Key {key}"} if key else {}),
    }
    answer = application(environ, lambda status, *_: statuses.append(status))
    content = b"".join(answer)
    answer.close()
    if not statuses[0].startswith("2"):
        raise RuntimeError(f"{path} answered {statuses[0]}: {content[:300]!r}")
    return content


def _bare_view(content: Any) -> tuple[Callable[..., Any], Any]:
    """Return what ``startproject`` and REST framework make of a view, and the settings for it."""
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import override_settings
    from django.urls import path
    from rest_framework.response import Response
    from rest_framework.settings import DEFAULTS, perform_import
    from rest_framework.views import APIView

    def default(name: str) -> Any:
        return perform_import(DEFAULTS[name], name)

    class Bare(APIView):
        authentication_classes = default("DEFAULT_AUTHENTICATION_CLASSES")
        permission_classes = default("DEFAULT_PERMISSION_CLASSES")
        throttle_classes = default("DEFAULT_THROTTLE_CLASSES")
        renderer_classes = default("DEFAULT_RENDERER_CLASSES")
        parser_classes = default("DEFAULT_PARSER_CLASSES")
        content_negotiation_class = default("DEFAULT_CONTENT_NEGOTIATION_CLASS")

        def get(self, _request: Any) -> Response:
            return Response(content)

    class Urls:
        urlpatterns = [path("bare/", Bare.as_view())]

    settings = override_settings(
        ROOT_URLCONF=Urls,
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
    )
    with settings:
        return WSGIHandler(), settings


def _milliseconds(call: Callable[[], Any], elsewhere: _Elsewhere) -> list[float]:
    taken = []
    for number in range(WARM_UP + REQUESTS):
        before, start = elsewhere.seconds, time.thread_time()
        call()
        if number >= WARM_UP:
            taken.append(1e3 * (time.thread_time() - start - (elsewhere.seconds - before)))
    return taken


def lists(report: ReportType) -> None:
    """Time a known user's list beside a bare view that returns the same JSON."""
    from project.wsgi import application

    key = new_key()
    path = "/api/v1/recommendations/users/user-00001/"
    elsewhere = _Elsewhere()
    content = json.loads(_request(application, path, key=key))
    if not content["results"]:
        raise RuntimeError("the list is empty, so there is nothing to compare")
    bare, settings = _bare_view(content)
    ours: list[float] = []
    peer: list[float] = []
    with elsewhere.counted():
        # In turns, so that what else the machine does hits both.
        for _ in range(ROUNDS):
            ours += _milliseconds(lambda: _request(application, path, key=key), elsewhere)
            with settings:
                peer += _milliseconds(lambda: _request(bare, "/bare/", key=key), elsewhere)
    mine, theirs = quantiles(ours, n=20), quantiles(peer, n=20)
    report.add("list_for_user", p50_ms=mine[9], p95_ms=mine[18])
    report.add("bare_view", p50_ms=theirs[9], p95_ms=theirs[18])
    report.add("list_over_bare", p50=mine[9] / theirs[9], p95=mine[18] / theirs[18])


def bulk(report: ReportType) -> None:
    """Count events per second beside a bare loop of batch writes of the same rows."""
    from core.dynamodb.connection import call
    from project.wsgi import application
    from recommendations.models import EventRow

    key = new_key()
    table = EventRow.Meta.table_name

    def rows(round_number: int) -> list[dict[str, Any]]:
        return [
            {
                "event_id": f"view-{round_number}-{number}",
                "timestamp": "2026-01-02T03:04:05Z",
                "user_id": f"user-{number % 100:05}",
                "type": "view",
                "items": [{"item_id": f"item-{number % 400:05}"}],
            }
            for number in range(BULK_ROWS)
        ]

    def ours(number: int) -> float:
        body = json.dumps(rows(number)).encode()
        start = time.perf_counter()
        answer = json.loads(_request(application, "/api/v1/events/", key=key, body=body))
        if answer["accepted"] != BULK_ROWS:
            raise RuntimeError(f"not all rows were accepted: {answer}")
        return time.perf_counter() - start

    _request(application, "/api/v1/events/", key=key, body=json.dumps(rows(0)).encode())
    sample = call("Scan", TableName=table, Limit=1)["Items"][0]

    def peer(number: int) -> float:
        start = time.perf_counter()
        requests = [
            {
                "PutRequest": {
                    "Item": {
                        **sample,
                        "user_id": {"S": f"user-{row % 100:05}"},
                        "timestamp#event_id": {"S": f"2026-01-02T03:04:05Z#bare-{number}-{row}"},
                    }
                }
            }
            for row in range(BULK_ROWS)
        ]
        while requests:
            answer = call("BatchWriteItem", RequestItems={table: requests[:25]})
            requests = answer.get("UnprocessedItems", {}).get(table, []) + requests[25:]
        return time.perf_counter() - start

    # In turns, so that what else the machine does hits both; the best of each counts.
    pairs = [(ours(number), peer(number)) for number in range(1, BULK_ROUNDS + 1)]
    mine, bare = (BULK_ROWS / min(times) for times in zip(*pairs, strict=True))
    report.add("bulk_events", rows_per_second=mine)
    report.add("bare_batch_write", rows_per_second=bare)
    report.add("bulk_over_bare", ratio=mine / bare)


def main() -> None:
    """Run both."""
    options = arguments(__doc__.partition("\n")[0]).parse_args()
    report = Report("The API's own cost", seed=options.seed, json_path=options.json)
    with local_tables():
        small_shop(seed=options.seed)
        lists(report)
        bulk(report)
    report.write()


if __name__ == "__main__":
    main()
