"""What our own code costs: a list for a known user, and events in bulk.

Run with ``python -m benchmarks.api``. A list is timed as the processor time that one request takes
in this process, without what it takes to read rows of DynamoDB, beside a Django REST framework view
that returns the same JSON and does nothing else, in a project as ``startproject`` makes it (its
middleware) and with REST framework's own defaults (authentication, negotiation, renderers). Each
request of the one is followed by one of the other, so that both meet the same machine; the bare
view too begins after such a read, outside its time, and finds the processor's caches as that leaves
them. ``alone`` it is asked again and again, with nothing in between. Bulk
events are timed by the clock beside a loop of bare ``BatchWriteItem`` calls that writes rows of the
same size to the same endpoint.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from benchmarks._report import Report, arguments
from benchmarks._stack import local_tables, new_key, small_shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks._report import Report as ReportType

ROUNDS = 20
REQUESTS = 100
BULK_ROWS = 1_000
LIST = "/api/v1/recommendations/users/user-00001/"
BULK_ROUNDS = 8


class _Elsewhere:
    """Processor time of this thread inside `core.dynamodb`: client, round trip, rows made of it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.again: Callable[[], Any] = lambda: None

    @contextmanager
    def counted(self) -> Iterator[None]:
        from recommendations.storage import reads

        original: Callable[..., Any] = vars(reads)["read_batch"]

        def timed(*args: Any, **kwargs: Any) -> Any:
            self.again = partial(original, *args, **kwargs)
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


def ask(application: Callable[..., Any], path: str, *, key: str = "", body: bytes = b"") -> bytes:
    """Return the body of a WSGI application's answer, which must be a success."""
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


def bare_view(content: Any) -> Callable[..., Any]:
    """Return what ``startproject`` and REST framework make of a view."""
    from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
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

    class Request(WSGIRequest):
        urlconf = Urls

    class Handler(WSGIHandler):
        request_class = Request

    # A handler loads its middleware once, when it is made.
    with override_settings(
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
    ):
        return Handler()


def _milliseconds(call: Callable[[], Any], elsewhere: _Elsewhere) -> float:
    before, start = elsewhere.seconds, time.thread_time()
    call()
    return 1e3 * (time.thread_time() - start - (elsewhere.seconds - before))


def lists(report: ReportType) -> None:
    """Time a known user's list beside a bare view that returns the same JSON."""
    from core.dynamodb.meter import metered
    from project.wsgi import application

    key = new_key()
    elsewhere = _Elsewhere()
    content = json.loads(ask(application, LIST, key=key))
    if not content["results"]:
        raise RuntimeError("the list is empty, so there is nothing to compare")
    with metered() as meter:
        ask(application, LIST, key=key)
    if meter.round_trips != 1:
        raise RuntimeError("the user's profile is not fresh, so there is more to do than to serve")
    bare = bare_view(content)
    ours: list[float] = []
    peer: list[float] = []
    alone: list[float] = []

    def time_one(times: list[float], application: Callable[..., Any], path: str) -> None:
        times.append(_milliseconds(lambda: ask(application, path, key=key), elsewhere))

    with elsewhere.counted():
        for number in range(ROUNDS + 1):
            for _ in range(REQUESTS):
                time_one(ours, application, LIST)
                elsewhere.again()
                time_one(peer, bare, "/bare/")
            for _ in range(REQUESTS):
                time_one(alone, bare, "/bare/")
            if number == 0:  # To get warm.
                for times in (ours, peer, alone):
                    times.clear()
    for name, times in (("list_for_user", ours), ("bare_view", peer), ("bare_view_alone", alone)):
        report.add(name, p50_ms=median(times), p95_ms=quantiles(times, n=20)[18])
    for name, times in (("list_over_bare", peer), ("list_over_bare_alone", alone)):
        # By parts of the run, which tells how far one can trust it.
        ratios = sorted(
            median(ours[at : at + REQUESTS]) / median(times[at : at + REQUESTS])
            for at in range(0, len(ours), REQUESTS)
        )
        report.add(name, p50=median(ratios), lowest=ratios[0], highest=ratios[-1])


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
        answer = json.loads(ask(application, "/api/v1/events/", key=key, body=body))
        if answer["accepted"] != BULK_ROWS:
            raise RuntimeError(f"not all rows were accepted: {answer}")
        return time.perf_counter() - start

    ask(application, "/api/v1/events/", key=key, body=json.dumps(rows(0)).encode())
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
