"""The declaration of the state machine holds what each of its tasks needs."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

from cfnlint import lint_all

from project.aws import workflow
from recommendations import jobs
from recommendations.training.workflow import STEPS

FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:shop-jobs"
DEFINITION = workflow.definition(function=FUNCTION, bucket="shop-files")


def tasks(states: dict[str, Any] = DEFINITION["States"]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state
        if state["Type"] == "Map":
            yield from tasks(state["ItemProcessor"]["States"])


def test_cloudformation_accepts_it() -> None:
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "Definition": DEFINITION,
            "RoleArn": "arn:aws:iam::000000000000:role/shop-train",
        },
    }

    def lint() -> list[str]:
        template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Train": machine}}
        found = lint_all(json.dumps(template))
        return [each.message for each in found if not each.rule.id.startswith("I")]

    assert lint() == []
    machine["Properties"]["Definition"] = {**DEFINITION, "StartAt": "Nowhere"}
    assert lint() != []


def test_each_task_has_its_time_and_tries_again_only_what_may_pass() -> None:
    may_pass = {"TransientError", "Sandbox.Timedout", "States.Timeout"}
    for name, task in tasks():
        assert 0 < task["TimeoutSeconds"] <= 910, name
        for retry in task["Retry"]:
            errors = set(retry["ErrorEquals"])
            assert all(each in may_pass or each.startswith("Lambda.") for each in errors), name
            # What killed the function may kill it again, but a fit has got further by then.
            assert "Lambda.Unknown" not in errors or name == "Fit"
            assert retry["BackoffRate"] > 1, name
            assert retry["JitterStrategy"] == "FULL", name
    assert DEFINITION["TimeoutSeconds"] > 0


def test_each_state_that_may_fail_records_it() -> None:
    for name, state in DEFINITION["States"].items():
        if state["Type"] in {"Task", "Map"} and name != "RecordFailure":
            (catch,) = state["Catch"]
            assert catch["ErrorEquals"] == ["States.ALL"], name
            assert catch["Next"] == "RecordFailure", name


def test_each_task_names_a_job_and_a_step_that_there_are() -> None:
    named = []
    for _, task in tasks():
        assert task["Parameters"]["FunctionName"] == FUNCTION
        payload = task["Parameters"]["Payload"]
        function = getattr(jobs, payload["command"].removeprefix("recommendations.jobs."))
        assert list(inspect.signature(function).parameters) == ["event", "context"]
        if "step" in payload:
            named.append(payload["step"])
    assert sorted(named) == sorted(STEPS)
