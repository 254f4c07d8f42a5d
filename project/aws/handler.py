"""The entry point of every Lambda function: looks at the event and hands it to who is meant.

Zappa's own handler runs Python that it finds in an event, calls a job again with fewer arguments
after any TypeError, and drops records of unknown streams as if they had been handled. So it only
ever sees HTTP requests here; whatever nobody is meant for is an error.
"""

import gc

# Nothing of what is imported becomes garbage; looking for some takes a tenth of a cold start.
gc.disable()

import functools
import importlib
import logging
import os
import time
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings

# Models want the settings when they are imported.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

from core.dynamodb.meter import metered
from core.middleware import request_id
from project.aws import check, http, rotation
from project.metrics import consumed, embedded

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
        rotation.follow()
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
    if http.is_request(event):
        return http.answer
    if "Records" in event:
        return _stream_handler(event["Records"])
    if check.EVENT in event:
        return check.answer
    if "command" in event:
        return _job(event["command"])
    if event.get("detail-type") == "Scheduled Event" and event.get("resources"):
        # Zappa names a schedule's rule <function>-<name>-<what to call>.
        return _job(event["resources"][0].rpartition("-")[2])
    raise UnsupportedEventError(
        f"nobody handles an event with {', '.join(sorted(event)) or 'no'} keys"
    )


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
    age = _age(event["Records"])
    with metered() as meter:
        answer = handle(event, context)
    values = {
        "Records": len(event["Records"]),
        "FailedRecords": len(answer["batchItemFailures"]),
        "StreamAge": age,
        "BatchDuration": round((time.perf_counter() - started) * 1000, 1),
        **consumed(meter),
    }
    processor = round((time.process_time() - worked) * 1000, 1)
    data = {"processor_milliseconds": processor, **embedded(values)}
    logger.info("stream", extra={"data": data})
    return answer


def _age(records: list[Event]) -> float:
    """Return how long ago the oldest record was written, in milliseconds."""
    written = [record["dynamodb"].get("ApproximateCreationDateTime") for record in records]
    oldest = min((float(moment) for moment in written if moment), default=time.time())
    return round(max(0.0, time.time() - oldest) * 1000)


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
    started = time.perf_counter()
    failed, outcome = 1, {}
    with metered() as meter:
        try:
            result = job(event, context)
            # `zappa invoke` shows what a function logs, not what it returns.
            failed, outcome = 0, {"result": result}
            return result
        finally:
            values = {
                "JobDuration": round(time.perf_counter() - started, 3),
                "JobFailures": failed,
                **consumed(meter),
            }
            data = {**outcome, **embedded(values, Job=name.rpartition(".")[2])}
            logger.info("%s %s", name, "failed" if failed else "is done", extra={"data": data})


def _load(name: str) -> Callable[[Event, Any], Any]:
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except AttributeError:
        raise UnsupportedEventError(f"there is no {name}") from None


if os.environ.get("ANSWERS_HTTP"):
    # While a function starts it has a whole processor: `project.aws.callbacks` says which
    # functions answer requests, so that they load the application then.
    http.zappa()

gc.freeze()
gc.enable()
