"""The metrics in log lines, as CloudWatch's embedded metric format wants them."""

import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from project.aws.handler import lambda_handler
from project.logs import AccessLog, JsonFormatter
from project.metrics import METRICS, kind_of
from recommendations import jobs
from tests.api_client import new_key
from tests.project.aws.test_handler import CONTEXT, record

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
KINDS = {"lists", "events", "api", "staff", "other"}
# The units that CloudWatch knows and we use.
UNITS = {"Count", "Milliseconds", "Seconds"}
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
# CloudWatch_Embedded_Metric_Format_Specification.html
SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": {"type": "string", "minLength": 1, "maxLength": 1024},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "maxItems": 30,
                                    "items": {"type": "string", "minLength": 1, "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "properties": {
                                        "Name": {"type": "string", "minLength": 1},
                                        "Unit": {"enum": sorted(UNITS)},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(settings: Any, caplog: pytest.LogCaptureFixture) -> Lines:
    """What was logged so far, as the lines that CloudWatch reads."""
    settings.METRICS_NAMESPACE, settings.FUNCTION_NAME = "Alsobought", "alsobought-tests"
    for name in ("project.access", "project.aws"):
        caplog.set_level(logging.INFO, logger=name)
    return lambda: [json.loads(JsonFormatter().format(each)) for each in caplog.records]


def measured(line: dict[str, Any]) -> dict[str, tuple[float, list[list[str]]]]:
    """Return value and dimensions of each metric of a line, as CloudWatch would find them."""
    jsonschema.validate(line, SCHEMA)
    assert abs(line["_aws"]["Timestamp"] - time.time() * 1000) < 60_000
    found = {}
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "Alsobought"
        for name in {name for names in directive["Dimensions"] for name in names}:
            assert isinstance(line[name], str), "the value of a dimension stands in the line"
        for metric in directive["Metrics"]:
            assert isinstance(line[metric["Name"]], int | float)
            found[metric["Name"]] = (line[metric["Name"]], directive["Dimensions"])
    return found


@pytest.mark.parametrize(("status", "errors"), [(200, (0, 0)), (404, (1, 0)), (503, (0, 1))])
def test_a_request_is_counted_with_its_outcome(
    lines: Lines, status: int, errors: tuple[int, int]
) -> None:
    AccessLog(lambda _: HttpResponse(status=status))(RequestFactory().get("/x/"))
    (line,) = lines()
    found = measured(line)

    assert found["Requests"] == (1, [["Function"]])
    assert (found["ClientErrors"][0], found["ServerErrors"][0]) == errors
    assert found["Latency"][1] == [["Function"], ["Function", "Kind"]]
    assert (line["Function"], line["Kind"]) == ("alsobought-tests", "other")


@pytest.mark.usefixtures("dynamodb")
def test_a_request_says_what_it_read_and_nothing_about_who(lines: Lines) -> None:
    key = new_key()
    Client().get("/api/v1/users/ada%40example.org/", headers={"authorization": f"Api-Key {key}"})
    (line,) = lines()
    found = measured(line)

    assert found["RoundTrips"][0] >= 1
    assert found["ReadUnits"][0] > 0
    assert line["Kind"] == "api"
    assert "ada" not in json.dumps(line)
    assert key not in json.dumps(line)


def test_a_batch_of_the_stream_says_how_old_it_is_and_what_must_come_again(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = {"batchItemFailures": [{"itemIdentifier": "7"}]}
    monkeypatch.setattr("recommendations.streams.handler", lambda *_: again)
    records = [record("events", "6"), record("events", "7")]
    records[1]["dynamodb"]["ApproximateCreationDateTime"] = time.time() - 90
    lambda_handler({"Records": records}, CONTEXT)
    (line,) = lines()
    found = measured(line)

    assert (found["Records"][0], found["FailedRecords"][0]) == (2, 1)
    assert 89_000 < found["StreamAge"][0] < 120_000
    assert found["BatchDuration"][0] >= 0


@pytest.mark.parametrize("fails", [False, True])
def test_a_job_says_how_long_it_took_and_whether_it_failed(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    def trend(*_: Any) -> dict[str, int]:
        return {"lists": 3 // (not fails)}

    trend.__module__ = jobs.__name__
    monkeypatch.setattr(jobs, "trend", trend)
    try:
        lambda_handler({"command": "recommendations.jobs.trend"}, CONTEXT)
    except ZeroDivisionError:
        assert fails
    found = measured(lines()[0])

    assert lines()[0]["Job"] == "trend"
    assert found["JobFailures"] == (int(fails), [["Function"], ["Function", "Job"]])
    assert found["JobDuration"][1] == [["Function", "Job"]]


def test_only_the_first_call_of_a_process_is_a_cold_start(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("project.metrics._calls", iter(range(10)))
    log = AccessLog(lambda _: HttpResponse())
    for _ in range(3):
        log(RequestFactory().get("/"))

    assert [line["ColdStarts"] for line in lines()] == [1, 0, 0]


def test_without_a_namespace_a_line_has_numbers_but_makes_no_metrics(
    lines: Lines, settings: Any
) -> None:
    settings.METRICS_NAMESPACE = ""
    AccessLog(lambda _: HttpResponse())(RequestFactory().get("/"))
    (line,) = lines()

    assert line["Requests"] == 1
    assert "_aws" not in line


def test_there_are_few_values_of_each_dimension() -> None:
    def routes(resolver: URLResolver, before: str = "") -> list[str]:
        found = []
        for entry in resolver.url_patterns:
            route = before + str(entry.pattern)
            found += [route] if isinstance(entry, URLPattern) else routes(entry, route)
        return found

    kinds = {route: kind_of(route) for route in routes(get_resolver())}
    assert set(kinds.values()) == KINDS
    assert kinds["api/v1/items/<id:item_id>/similar/"] == "lists"
    assert kinds["api/v1/items/<id:item_id>/"] == "api"
    assert kinds["admin/login/"] == "staff"


def test_the_guide_lists_every_metric_with_its_unit_and_dimensions() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \|", GUIDE.read_text(), re.MULTILINE)
    documented = {name: (unit, dimensions.strip()) for name, unit, dimensions in rows}

    assert documented == {
        name: (metric.unit, "; ".join(", ".join(f"`{each}`" for each in one) for one in metric.by))
        for name, metric in METRICS.items()
    }
