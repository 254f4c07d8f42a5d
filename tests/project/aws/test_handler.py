from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings

from project.aws.handler import UnsupportedEventError, lambda_handler
from project.aws.http import as_aws_sends_it
from recommendations import jobs, streams

CONTEXT = SimpleNamespace(aws_request_id="call-1")


def record(table: str, number: str = "1") -> dict[str, Any]:
    name = f"{settings.DYNAMODB['TABLE_PREFIX']}{table}"
    return {
        "eventSource": "aws:dynamodb",
        "eventSourceARN": f"arn:aws:dynamodb:eu-west-1:1:table/{name}/stream/2026-11-22T00:00:00",
        "dynamodb": {"SequenceNumber": number},
    }


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        None,
        "text",
        {"raw_command": "1/0"},
        {"raw_command": "1/0", "command": "recommendations.jobs.train"},
        {"manage": "tables delete --yes"},
        {"command": "os.getcwd"},
        {"command": "recommendations.jobs"},
        {"command": "recommendations.jobs.missing"},
        {"command": "recommendations.jobs._started_by"},
        {"command": "recommendations.jobs.Mapping"},
        {"command": None},
        {"detail-type": "Scheduled Event", "resources": []},
        {"detail-type": "Scheduled Event", "resources": ["arn:aws:events:::rule/x-os.getcwd"]},
        {"Records": []},
        {"Records": [{"eventSource": "aws:s3"}]},
        {"Records": [record("items")]},
        {"Records": [record("events"), record("items")]},
    ],
)
def test_what_nobody_handles_is_an_error(event: Any) -> None:
    with pytest.raises(UnsupportedEventError):
        lambda_handler(event, CONTEXT)


def test_the_stream_of_another_deployment_is_an_error() -> None:
    foreign = record("events")
    foreign["eventSourceARN"] = "arn:aws:dynamodb:eu-west-1:1:table/other-events/stream/now"
    with pytest.raises(UnsupportedEventError, match="other-events"):
        lambda_handler({"Records": [foreign]}, CONTEXT)


def test_stream_records_go_to_their_table_and_the_answer_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failures = {"batchItemFailures": [{"itemIdentifier": "7"}]}
    calls = []

    def handle(event: Any, context: Any) -> Any:
        calls.append((event, context))
        return failures

    monkeypatch.setattr(streams, "handler", handle)
    event = {"Records": [record("events", "6"), record("events", "7")]}
    assert lambda_handler(event, CONTEXT) == failures
    assert calls == [(event, CONTEXT)]


@pytest.mark.parametrize(
    "event",
    [
        {"command": "recommendations.jobs.train"},
        {
            "detail-type": "Scheduled Event",
            "resources": [
                "arn:aws:events:::rule/alsobought-local-train-recommendations.jobs.train"
            ],
        },
    ],
)
def test_a_job_that_raises_a_type_error_runs_once(
    event: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def train(*arguments: Any) -> None:
        calls.append(arguments)
        raise TypeError("a mistake inside the job")

    train.__module__ = jobs.__name__
    monkeypatch.setattr(jobs, "train", train)
    with pytest.raises(TypeError):
        lambda_handler(event, CONTEXT)
    assert calls == [(event, CONTEXT)]


def http_event(path: str, **request: Any) -> dict[str, Any]:
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": {"x-forwarded-for": "6.6.6.6, 203.0.113.9", "x-forwarded-proto": "https"},
        "requestContext": {
            "stage": "local",
            "domainName": "0a1b2c3d.execute-api.eu-west-1.amazonaws.com",
            "http": {"method": "GET", "path": path, "sourceIp": "203.0.113.9"},
            **request,
        },
    }


@pytest.mark.parametrize(
    ("path", "request_context", "expected"),
    [
        ("/local/admin/", {}, "/local/admin/"),
        ("/local", {}, "/local"),
        ("/admin/", {}, "/local/admin/"),
        ("/localities/", {}, "/local/localities/"),
        ("/admin/", {"domainName": "shop.example"}, "/admin/"),
        ("/admin/", {"stage": "$default"}, "/admin/"),
    ],
)
def test_the_stage_is_in_the_path_on_an_apis_own_address(
    path: str, request_context: dict[str, Any], expected: str
) -> None:
    event = as_aws_sends_it(http_event(path, **request_context))
    assert event["rawPath"] == expected


def test_a_client_cannot_choose_the_address_that_we_see() -> None:
    event = as_aws_sends_it(http_event("/local/"))
    assert event["headers"]["x-forwarded-for"] == "203.0.113.9"
    assert event["headers"]["x-forwarded-proto"] == "https"
