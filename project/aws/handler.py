"""The entry point of every Lambda function: looks at the event and hands it to who is meant.

Zappa's own handler runs Python that it finds in an event, calls a job again with fewer arguments
after any TypeError, and drops records of unknown streams as if they had been handled. So it only
ever sees HTTP requests here; whatever nobody is meant for is an error.
"""

import contextlib
import functools
import importlib
import io
import logging
import os
import time
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings

from core.dynamodb.meter import metered
from core.middleware import request_id

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()

logger = logging.getLogger("project.aws")

JOBS = "recommendations.jobs"
STREAMS = {"events": "recommendations.streams.handler"}

Event = dict[str, Any]


class UnsupportedEventError(Exception):
    """Nobody is meant to handle this event."""


def lambda_handler(event: Event, context: Any) -> Any:
    """Handle one invocation.

    Raises
    ------
    UnsupportedEventError
        When the event is none of: an HTTP request, records of a known stream, a job by its name,
        a schedule.
    """
    token = request_id.set(getattr(context, "aws_request_id", ""))
    try:
        return _route(event)(event, context)
    except Exception as error:
        logger.exception("invocation failed", extra={"data": {"error": type(error).__name__}})
        raise
    finally:
        request_id.reset(token)


def _route(event: Event) -> Callable[[Event, Any], Any]:
    if not isinstance(event, dict):
        raise UnsupportedEventError("the event is no object")
    if "raw_command" in event:
        raise UnsupportedEventError("running Python from an event is switched off")
    if "http" in event.get("requestContext", {}) or "httpMethod" in event:
        return _http
    if "Records" in event:
        return _stream_handler(event["Records"])
    if "command" in event:
        return _job(event["command"])
    if event.get("detail-type") == "Scheduled Event" and event.get("resources"):
        # Zappa names a schedule's rule <function>-<name>-<what to call>.
        return _job(event["resources"][0].rpartition("-")[2])
    raise UnsupportedEventError(
        f"nobody handles an event with {', '.join(sorted(event)) or 'no'} keys"
    )


def _http(event: Event, context: Any) -> Any:
    # Zappa announces itself on standard output, which is no JSON line.
    with contextlib.redirect_stdout(io.StringIO()):
        from zappa.handler import LambdaHandler

        handler = LambdaHandler()
    answer = handler.handler(_as_api_gateway_sends_it(event), context)
    # A redirect has no body; Zappa says null there, which not every front takes.
    return {**answer, "body": answer.get("body") or ""}


def _as_api_gateway_sends_it(event: Event) -> Event:
    """Mend what Zappa would misread in a request of an HTTP API (payload version 2.0)."""
    request = event["requestContext"]
    if "http" not in request:
        return event
    path, prefix = event["rawPath"], f"/{request.get('stage', '$default')}"
    own_address = ".execute-api." in request.get("domainName", "") and prefix != "/$default"
    if own_address and not f"{path}/".startswith(f"{prefix}/"):
        # On an API's own address the stage is part of the path; emulators leave it out.
        path = f"{prefix}{path}"
    # Zappa takes the client's address from a header that the client can write itself.
    headers = {**event["headers"], "x-forwarded-for": request["http"]["sourceIp"]}
    # API Gateway always says how it was called, which is over TLS; an emulator is not.
    headers.setdefault("x-forwarded-proto", "http")
    return {**event, "rawPath": path, "headers": headers}


def _stream_handler(records: list[Event]) -> Callable[[Event, Any], Any]:
    tables = {_table_of(record) for record in records}
    if len(tables) != 1:
        raise UnsupportedEventError("the records must come from one DynamoDB stream")
    table = tables.pop()
    prefix = settings.DYNAMODB["TABLE_PREFIX"]
    target = STREAMS.get(table.removeprefix(prefix)) if table.startswith(prefix) else None
    if target is None:
        raise UnsupportedEventError(f"nobody handles the stream of table {table!r}")
    return functools.partial(_follow, _load(target))


def _follow(handle: Callable[[Event, Any], Any], event: Event, context: Any) -> Any:
    started, worked = time.perf_counter(), time.process_time()
    with metered() as meter:
        answer = handle(event, context)
    data = {
        "records": len(event["Records"]),
        "again": len(answer["batchItemFailures"]),
        "milliseconds": round((time.perf_counter() - started) * 1000, 1),
        "processor_milliseconds": round((time.process_time() - worked) * 1000, 1),
        "round_trips": meter.round_trips,
    }
    logger.info("stream", extra={"data": data})
    return answer


def _table_of(record: Event) -> str:
    if record.get("eventSource") != "aws:dynamodb":
        raise UnsupportedEventError(f"nobody handles records of {record.get('eventSource')!r}")
    # arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<label>
    return str(record["eventSourceARN"].split("/")[1])


def _job(name: Any) -> Callable[[Event, Any], Any]:
    module, _, function = str(name).rpartition(".")
    job = _load(str(name)) if module == JOBS and not function.startswith("_") else None
    if job is None or getattr(job, "__module__", None) != JOBS:
        raise UnsupportedEventError(f"{name!r} is no job; jobs are the functions of {JOBS}")
    return functools.partial(_run, str(name), job)


def _run(name: str, job: Callable[[Event, Any], Any], event: Event, context: Any) -> Any:
    result = job(event, context)
    # `zappa invoke` shows what a function logs, not what it returns.
    logger.info("%s is done", name, extra={"data": {"result": result}})
    return result


def _load(name: str) -> Callable[[Event, Any], Any]:
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except AttributeError:
        raise UnsupportedEventError(f"there is no {name}") from None


if os.environ.get("INSTANTIATE_LAMBDA_HANDLER_ON_IMPORT"):
    # Zappa's own switch; `project.aws.callbacks` sets it for functions that answer requests.
    with contextlib.redirect_stdout(io.StringIO()):
        importlib.import_module("zappa.handler")
