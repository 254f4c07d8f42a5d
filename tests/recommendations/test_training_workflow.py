"""The state machine that trains, executed with the real steps in a real function."""

import io
import json
import os
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from django.conf import settings

from project.aws import workflow
from recommendations import jobs as entry_points
from recommendations.models import ListRow, NeighboursRow
from recommendations.services import events, jobs, stepwise, versions
from recommendations.services.jobs import Job
from recommendations.storage import artifacts, leases
from recommendations.storage import jobs as storage
from tests.recommendations.factories import event
from tests.recommendations.topics import Take, listening

pytestmark = pytest.mark.usefixtures("written_elsewhere")

ROOT = Path(__file__).resolve().parents[2]
NAME = f"alsobought-{settings.DYNAMODB['TABLE_PREFIX']}train"

# The deployed handler, in this checkout, behind Lambda's interface for custom runtimes: only from
# there MiniStack hands on the types of errors, as AWS always does. A test may ask for faults.
FUNCTION = f"""
import json, os, pathlib, sys, time, types, urllib.request
sys.path.insert(0, {str(ROOT)!r})
from project.aws.handler import lambda_handler
from botocore.exceptions import ConnectionClosedError
from recommendations.engine.models import ItemNeighbours
from recommendations.storage import artifacts
from recommendations.training import handover, quality, steps
from recommendations.training.checkpoint import Choice

handover.PART_ROWS = 20
save, choose, cosine = artifacts.save, steps.choose_parameters, quality.COSINE
bad = ItemNeighbours(column_exponent=5.0, base_share=1.0, k=2)

def lose(**_):
    raise ConnectionClosedError(endpoint_url="http://lost")

def choose_badly(*_, **__):
    return Choice(parameters=bad.get_params())

def break_down(event):
    file = pathlib.Path(FAULTS)
    faults = json.loads(file.read_text())
    artifacts.save, steps.choose_parameters, quality.COSINE = save, choose, cosine
    if faults.get("lose_connection_at", "never") == event.get("step"):
        artifacts.save = lose
        file.write_text(json.dumps({{**faults, "lose_connection_at": "never"}}))
    while faults.get("hold_at", "never") == event.get("step"):
        time.sleep(0.05)
        faults = json.loads(file.read_text())
    if faults.get("choose_badly"):
        steps.choose_parameters, quality.COSINE = choose_badly, bad

api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as given:
        call, event = given.headers["Lambda-Runtime-Aws-Request-Id"], json.load(given)
        ends = int(given.headers["Lambda-Runtime-Deadline-Ms"])
    left = lambda: ends - int(time.time() * 1000)
    context = types.SimpleNamespace(aws_request_id=call, get_remaining_time_in_millis=left)
    try:
        break_down(event)
        kind, answer = "response", lambda_handler(event, context)
    except Exception as error:
        kind = "error"
        answer = {{"errorType": type(error).__name__, "errorMessage": str(error)}}
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(api + call + "/" + kind, body)).close()
"""


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults") / "faults.json"


@pytest.fixture(scope="module")
def function(faults: Path) -> Iterator[str]:
    """Return the ARN of a function that runs jobs, on the tables of this test process."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("function.py", f"FAULTS = {str(faults)!r}\n{FUNCTION}")
        start = zipfile.ZipInfo("bootstrap")
        start.external_attr = 0o755 << 16
        archive.writestr(start, f"#!/bin/sh\nexec {sys.executable} function.py\n")
    bucket = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3").create_bucket(Bucket=NAME, CreateBucketConfiguration=bucket)
    client = boto3.client("lambda")
    names = ("SECRET_KEY", "TABLE_PREFIX", "DELETION_PROTECTION", "TRAINING_TUNE_SECONDS")
    created = client.create_function(
        FunctionName=NAME,
        Runtime="provided.al2023",
        Role="arn:aws:iam::000000000000:role/tests",
        Handler="bootstrap",
        Code={"ZipFile": code.getvalue()},
        Timeout=120,
        Environment={
            "Variables": {
                **{name: os.environ[name] for name in names},
                # An address that only counts in here.
                "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
                "EXPORT_BUCKET": NAME,
                "NOTIFICATION_TOPIC": NAME,
            }
        },
    )
    yield created["FunctionArn"]
    client.delete_function(FunctionName=NAME)


@pytest.fixture(scope="module")
def messages() -> Iterator[Take]:
    with listening(NAME) as take:
        yield take


@pytest.fixture(autouse=True)
def _configured(
    function: str, faults: Path, messages: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    faults.write_text("{}")
    monkeypatch.setattr(settings, "TRAINING_STATE_MACHINE", NAME)
    monkeypatch.setattr(settings, "EXPORT_BUCKET", NAME)
    yield
    messages()


@pytest.fixture
def machine(function: str) -> Iterator[Callable[..., None]]:
    """Return a function that makes the state machine, with some numbers of its choices changed."""
    client = boto3.client("stepfunctions")
    arn = None

    def make(**limits: int) -> None:
        nonlocal arn
        definition = workflow.definition(function=function, bucket=NAME)
        for name, limit in limits.items():
            (choice,) = definition["States"][name]["Choices"]
            assert choice["NumericGreaterThan"] > limit
            choice["NumericGreaterThan"] = limit
        # Each function that starts takes a while.
        assert definition["States"]["WriteParts"]["MaxConcurrency"] > 2
        definition["States"]["WriteParts"]["MaxConcurrency"] = 2
        arn = client.create_state_machine(
            name=NAME,
            definition=json.dumps(definition),
            roleArn="arn:aws:iam::000000000000:role/tests",
        )["stateMachineArn"]

    yield make
    client.delete_state_machine(stateMachineArn=arn)


def run(job: Job) -> tuple[Job, list[str]]:
    """Follow a job until its execution has ended; return its record and the states on the way."""
    arn = job.execution
    assert arn is not None
    client = boto3.client("stepfunctions")
    until(lambda: client.describe_execution(executionArn=arn)["status"] != "RUNNING")
    history = client.get_execution_history(executionArn=job.execution, maxResults=1000)["events"]
    entered = [
        each["stateEnteredEventDetails"]["name"]
        for each in history
        if "stateEnteredEventDetails" in each
    ]
    return seen(job), entered


def seen(job: Job) -> Job:
    found = jobs.find(job_id=job.job_id)
    assert found is not None
    return found


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def record_orders() -> None:
    """Store customers whose second order follows from the first, beside what everybody buys."""
    events.record(
        events=[
            event(
                f"v{n}",
                f"{part}-{n % 12}",
                f"{part}-noise-{n % 7}",
                event_id=part,
                hours=n / 10 + later,
            )
            for n in range(300)
            for part, later in (("first", 0), ("second", 40))
        ]
    )


def is_free() -> bool:
    return leases.acquire(name="train", holder="next", now=datetime.now(UTC), seconds=1)


def stored() -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return what the live version says: neighbours in force and lists."""
    near = {row.item_kind: row.packed[: row.generations[0][1]] for row in NeighboursRow.scan()}
    live = versions.live()
    lists = {row.name: row.entries for row in ListRow.scan() if row.version == live}
    return near, lists


def test_it_makes_the_model_that_one_process_makes(
    machine: Callable[..., None], messages: Take
) -> None:
    record_orders()
    alone = versions.find(version=entry_points.train()["version"])
    expected = stored()
    for row in NeighboursRow.scan():
        row.delete()

    machine(ChooseWriting=0)
    job, states = run(jobs.start(name="train", by="ada"))

    assert states == [
        *("LookAtSize", "ChoosePath", "Extract", "Tune", "Evaluate", "Gate"),
        *("Fit", "FitFurther", "ChooseWriting", "WriteParts"),
        *("Publish", "IsPublished", "Verify", "Refresh", "Notify"),
    ]
    assert (job.state, job.progress, job.started_by, job.error) == ("succeeded", 1.0, "ada", None)
    assert versions.live() == job.result["version"]
    assert stored() == expected
    made = versions.find(version=job.result["version"])
    assert made is not None
    assert alone is not None
    assert made.parameters == alone.parameters
    assert made.metrics["model"] == alone.metrics["model"]
    assert made.rows["neighbours"] == alone.rows["neighbours"] == 38
    assert made.rows["neighbours_written"] == 38
    # Of the events, and of 38 rows of three kinds in parts of 20.
    assert job.rows >= 600 + 3 * 38
    assert job.cost["write_units"] > 3 * 38
    assert list(artifacts.listing(prefix=artifacts.PREFIX)) == []
    assert is_free()
    (message,) = messages()
    assert message["Subject"] == f"Alsobought: model {made.version} is live"
    assert "ada" not in message["Message"]


def test_what_may_pass_is_tried_again_and_a_model_that_is_worse_is_not_published(
    machine: Callable[..., None],
    faults: Path,
    messages: Take,
) -> None:
    record_orders()
    before = entry_points.train()["version"]
    faults.write_text(json.dumps({"choose_badly": True, "lose_connection_at": "write"}))

    machine()
    job, states = run(jobs.start(name="train", by="ada"))

    assert json.loads(faults.read_text())["lose_connection_at"] == "never"
    assert states[-5:] == ["ChooseWriting", "Write", "Publish", "IsPublished", "Notify"]
    assert (job.state, job.result["published"]) == ("succeeded", False)
    assert "of the live model" in " ".join(job.result["reasons"])
    assert versions.live() == before
    rejected = versions.find(version=job.result["version"])
    assert rejected is not None
    assert rejected.state == "rejected"
    assert rejected.rows["neighbours"] > 0
    (message,) = messages()
    assert message["Subject"].endswith("was not published")


def test_a_step_that_fails_for_good_is_not_tried_again_and_ends_the_run(
    machine: Callable[..., None], messages: Take
) -> None:
    machine()
    job, states = run(jobs.start(name="train", by="ada"))

    assert states == ["LookAtSize", "ChoosePath", "Extract", "RecordFailure", "Failed"]
    assert (job.state, job.step) == ("failed", "reading events")
    assert "import events first" in str(job.error)
    assert versions.live() is None
    assert is_free()
    (message,) = messages()
    assert message["Subject"] == "Alsobought: training failed"


def test_what_is_too_large_for_a_function_says_what_to_do(machine: Callable[..., None]) -> None:
    machine(ChoosePath=-1)
    job, states = run(jobs.start(name="train", by="ada"))

    assert states == ["LookAtSize", "ChoosePath", "TrainOnSpark", "RecordFailure", "Failed"]
    assert job.state == "failed"
    assert "Spark" in str(job.error)
    assert "manage.py job train" in str(job.error)


def test_a_second_run_fails_and_leaves_the_first_its_lease(machine: Callable[..., None]) -> None:
    first = jobs.Job(
        job_id="first", name="train", state="queued", started_by="ada", created_at="", execution="e"
    )
    storage.save(first)
    stepwise.step(name="train", job_id="first", work=lambda _: {})

    machine()
    job, _ = run(jobs.start(name="train", by="ada"))

    assert (job.state, job.error) == ("failed", "another train job is running; wait for it to end")
    assert not is_free()
    stepwise.step(name="train", job_id="first", work=lambda _: {}, last=True)
    assert is_free()


def test_a_run_that_is_cancelled_stops_for_good(machine: Callable[..., None], faults: Path) -> None:
    record_orders()
    faults.write_text(json.dumps({"hold_at": "choose"}))
    machine()
    job = jobs.start(name="train", by="ada")
    until(lambda: "events" in seen(job).result)

    jobs.cancel(job_id=job.job_id, by="bob")
    faults.write_text("{}")

    assert job.execution is not None
    client = boto3.client("stepfunctions")
    assert client.describe_execution(executionArn=job.execution)["status"] == "ABORTED"
    assert (seen(job).state, seen(job).cancelled_by) == ("cancelled", "bob")
    assert is_free()
    with pytest.raises(jobs.JobError, match="has ended"):
        stepwise.step(name="train", job_id=job.job_id, work=lambda _: {})


def test_the_schedule_starts_the_state_machine(machine: Callable[..., None]) -> None:
    machine()
    started = entry_points.train({"time": "2026-11-26T03:00:00Z"})

    job = jobs.find(job_id=started["job_id"])
    assert job is not None
    assert job.started_by == "schedule"
    ended, _ = run(job)
    assert "import events first" in str(ended.error)
