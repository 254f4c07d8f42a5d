"""Each role is allowed what its code does, and no more."""

from itertools import chain
from typing import Any

import pytest
from django.conf import settings

from core.dynamodb.tables import registered, table_name
from project.aws import iam
from project.aws.stages import Stage

FUNCTIONS = {"api", "jobs", "stream"}


def statements(*roles: str) -> list[dict[str, Any]]:
    stage = Stage(name="tests", project="alsobought", region="eu-west-1", roles=frozenset(roles))
    found: list[dict[str, Any]] = iam.policy(stage, account="1" * 12)["Statement"]
    return found


def allowed(role: str, table: str) -> set[str]:
    end = f":table/{table_name(table)}"
    return {
        action.removeprefix("dynamodb:")
        for part in statements(role)
        if any(resource.endswith(end) for resource in part["Resource"])
        for action in part["Action"]
    }


READ = {"BatchGetItem", "GetItem", "Query"}
SCAN = {"BatchGetItem", "BatchWriteItem", "PutItem", "Query", "Scan"}
CHANGE = READ | {"BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem"}


@pytest.mark.parametrize(
    ("role", "table", "actions"),
    [
        ("api", "accounts", CHANGE),
        ("api", "neighbours", {"BatchGetItem"}),
        ("api", "placement_stats", CHANGE),
        ("stream", "accounts", set()),
        ("stream", "profiles", CHANGE),
        ("stream", "events", READ),
        ("stream", "operations", READ | {"PutItem", "UpdateItem"}),
        ("jobs", "accounts", set()),
        ("jobs", "users", CHANGE),
        ("jobs", "user_terms", CHANGE),
        ("jobs", "profiles", CHANGE | {"Scan"}),
        ("jobs", "event_effects", CHANGE | {"Scan"}),
        ("api", "event_effects", CHANGE),
        ("api", "lists", {"BatchGetItem"}),
        ("stream", "lists", CHANGE),
        ("stream", "placement_stats", CHANGE),
        ("jobs", "events", {"DescribeTable"} | SCAN),
        ("jobs", "items", SCAN),
        ("jobs", "neighbours", SCAN),
    ],
)
def test_a_role_may_do_with_a_table_what_its_code_does(
    role: str, table: str, actions: set[str]
) -> None:
    assert allowed(role, table) == actions


def test_only_jobs_scan_and_describe_tables() -> None:
    for role in FUNCTIONS:
        actions = set(chain.from_iterable(part["Action"] for part in statements(role)))
        assert ("dynamodb:Scan" in actions) == (role == "jobs")
        assert ("dynamodb:DescribeTable" in actions) == (role == "jobs")


def test_only_jobs_look_into_what_the_stream_gave_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "FAILURE_QUEUE", "alsobought-failures")

    for role in FUNCTIONS:
        reading = [part for part in statements(role) if "sqs:ReceiveMessage" in part["Action"]]
        assert bool(reading) == (role == "jobs")
        assert all(part["Resource"][0].endswith(":alsobought-failures") for part in reading)


def test_the_stream_writes_no_operations_but_its_notes() -> None:
    end = f":table/{table_name('operations')}"
    changing = [
        part
        for part in statements("stream")
        if any(resource.endswith(end) for resource in part["Resource"])
        and {"dynamodb:PutItem", "dynamodb:UpdateItem"} & set(part["Action"])
    ]

    (condition,) = (part["Condition"] for part in changing)
    assert condition == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["stream", "usage#*"]}}


def test_only_the_api_starts_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "JOBS_FUNCTION", "alsobought-jobs")

    starting = {
        role
        for role in FUNCTIONS
        for part in statements(role)
        if "lambda:InvokeFunction" in part["Action"]
    }

    assert starting == {"api"}


def test_jobs_write_files_and_the_api_reads_them_and_takes_uploads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "EXPORT_BUCKET", "shop-exports")

    found = {
        role: {
            (action.removeprefix("s3:"), resource.removeprefix("arn:aws:s3:::shop-exports/"))
            for part in statements(role)
            for action in part["Action"]
            for resource in part["Resource"]
            if action.startswith("s3:")
            and part["Sid"] not in {"HandOn", "RemoveFiles", "ListFiles"}
        }
        for role in FUNCTIONS
    }

    assert found == {
        "api": {("GetObject", "exports/*"), ("GetObject", "imports/*"), ("PutObject", "imports/*")},
        "jobs": {
            ("GetObject", "imports/*"),
            *((action, prefix)
              for action in ("PutObject", "AbortMultipartUpload")
              for prefix in ("exports/*", "imports/*")),
        },
        "stream": set(),
    }  # fmt: skip


def test_every_table_is_used_by_some_role_and_all_that_are_named_exist() -> None:
    named = {
        table_name(name)
        for parts in iam.TABLES.values()
        for _, names in parts.values()
        for name in names
    }

    assert named == {name for name in registered() if "test_" not in registered()[name].__module__}


def test_the_statements_of_a_stage_with_all_roles_have_names_of_their_own() -> None:
    sids = [part["Sid"] for part in statements("api", "stream", "jobs")]

    assert len(sids) == len(set(sids))
    assert {"ApiChange", "StreamRead", "JobsScan", "Streams"} <= set(sids)


def test_training_step_by_step_takes_no_more_than_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "TRAINING_STATE_MACHINE", "shop-train")
    monkeypatch.setattr(settings, "NOTIFICATION_TOPIC", "shop-news")
    monkeypatch.setattr(settings, "EXPORT_BUCKET", "shop-files")

    granted = {role: {part["Sid"]: part for part in statements(role)} for role in sorted(FUNCTIONS)}

    assert {"StartTraining", "StopTraining"} <= granted["api"].keys()
    assert {"StartTraining", "Notify", "HandOn", "RemoveFiles", "ListFiles"} <= granted[
        "jobs"
    ].keys()
    own = {"StartTraining", "StopTraining", "Notify", "HandOn", "RemoveFiles", "ListFiles"}
    assert not own & granted["stream"].keys()
    (machine,) = granted["jobs"]["StartTraining"]["Resource"]
    assert machine == f"arn:aws:states:eu-west-1:{'1' * 12}:stateMachine:shop-train"
    assert granted["jobs"]["HandOn"]["Resource"] == ["arn:aws:s3:::shop-files/training/*"]
    listing = granted["jobs"]["ListFiles"]["Condition"]
    assert listing == {"StringLike": {"s3:prefix": ["exports/*", "training/*", "imports/*"]}}
