"""Numbers in log lines that CloudWatch turns into metrics (its embedded metric format).

A line is written anyway, while a call of CloudWatch would be one more round trip in each request.
CloudWatch asks a price for each metric and value of its dimensions, so there are few of both.
"""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings

from core.dynamodb.meter import Meter

_EACH_FUNCTION = ("Function",)
_EACH_KIND = ("Function", "Kind")
_EACH_JOB = ("Function", "Job")
_LISTS = ("/similar/", "/bought-together/")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its unit, and the sets of dimensions that it is kept by."""

    unit: str
    by: tuple[tuple[str, ...], ...] = (_EACH_FUNCTION,)


METRICS = {
    # One value for each request.
    "Requests": Metric("Count"),
    "ClientErrors": Metric("Count"),
    "ServerErrors": Metric("Count"),
    "Latency": Metric("Milliseconds", (_EACH_FUNCTION, _EACH_KIND)),
    # One for each batch of stream records.
    "Records": Metric("Count"),
    "FailedRecords": Metric("Count"),
    "StreamAge": Metric("Milliseconds"),
    "BatchDuration": Metric("Milliseconds"),
    # One for each run of a job.
    "JobDuration": Metric("Seconds", (_EACH_JOB,)),
    "JobFailures": Metric("Count", (_EACH_FUNCTION, _EACH_JOB)),
    # One for each of all these.
    "ColdStarts": Metric("Count"),
    "RoundTrips": Metric("Count"),
    "ReadUnits": Metric("Count"),
    "WriteUnits": Metric("Count"),
}


def embedded(values: Mapping[str, float], **dimensions: str) -> dict[str, Any]:
    """Return what makes metrics of the line that it is written into.

    Parameters
    ----------
    values
        A value for each of some names of ``METRICS``.
    dimensions
        ``Kind`` or ``Job``, where one of the metrics is kept by it.
    """
    line: dict[str, Any] = {**values, **dimensions}
    if settings.METRICS_NAMESPACE:
        line["Function"] = settings.FUNCTION_NAME
        line["_aws"] = {
            "Timestamp": time.time_ns() // 1_000_000,
            "CloudWatchMetrics": _directives(settings.METRICS_NAMESPACE, tuple(values)),
        }
    return line


def consumed(meter: Meter) -> dict[str, float]:
    """Return the metrics that every call has: what it cost, and whether it started the process."""
    return {
        "ColdStarts": float(next(_calls) == 0),
        "RoundTrips": meter.round_trips,
        "ReadUnits": meter.read_units,
        "WriteUnits": meter.write_units,
    }


def kind_of(route: str) -> str:
    """Return what a route is for: one of ``lists``, ``events``, ``api``, ``staff``, ``other``."""
    _, is_api, path = route.partition("api/v1/")
    if not is_api:
        return "staff" if route.startswith("admin/") else "other"
    if path.startswith("recommendations/") or path.endswith(_LISTS):
        return "lists"
    return "events" if path.startswith("events/") else "api"


_calls = itertools.count()


@lru_cache
def _directives(namespace: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    by_dimensions: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for name in names:
        by_dimensions.setdefault(METRICS[name].by, []).append(name)
    return [
        {
            "Namespace": namespace,
            "Dimensions": sets,
            "Metrics": [{"Name": name, "Unit": METRICS[name].unit} for name in kept_by],
        }
        for sets, kept_by in by_dimensions.items()
    ]
