"""A job in steps has one record and one lease, which nobody takes from it while it lives."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from django.conf import settings

from recommendations.services import jobs, stepwise
from recommendations.services.progress import Progress
from recommendations.storage import jobs as storage
from recommendations.storage import leases

pytestmark = pytest.mark.usefixtures("dynamodb")


@pytest.fixture
def job_id() -> str:
    job = jobs.Job(
        job_id="20261126T030000-a",
        name="train",
        state="queued",
        started_by="ada",
        created_at="2026-11-26T03:00:00Z",
        execution="arn:aws:states:eu-west-1:1:execution:train:20261126T030000-a",
    )
    storage.save(job)
    return job.job_id


def step(job_id: str, work: stepwise.Work = lambda _: {}, *, last: bool = False) -> jobs.Job:
    return stepwise.step(name="train", job_id=job_id, work=work, last=last)


def is_free(*, after: float = 0.0) -> bool:
    now = datetime.now(UTC) + timedelta(seconds=after)
    return leases.acquire(name="train", holder="other", now=now, seconds=1)


def test_steps_add_to_one_record(job_id: str) -> None:
    def count(progress: Progress) -> dict[str, Any]:
        progress.step("counting", progress=0.5)
        progress.rows(10)
        return {"events": 10}

    step(job_id, count)
    stepwise.part(name="train", job_id=job_id, work=lambda count: count(7))
    first = jobs.find(job_id=job_id)
    assert first is not None
    assert (first.state, first.step, first.rows) == ("running", "counting", 17)

    done = step(job_id, lambda _: {"version": "v1"}, last=True)

    assert done == jobs.find(job_id=job_id)
    assert (done.state, done.progress, done.rows) == ("succeeded", 1.0, 17)
    assert done.result == {"events": 10, "version": "v1"}
    assert done.cost["round_trips"] > first.cost["round_trips"] > 0
    assert [line.text for line in done.log] == ["counting", "done"]
    assert is_free()
    with pytest.raises(jobs.JobError, match="has ended"):
        step(job_id)


def test_between_two_steps_the_lease_is_the_runs_until_it_passes_for_dead(job_id: str) -> None:
    step(job_id)
    silence = jobs.SILENT_LEASES * settings.JOB_LEASE_SECONDS

    assert not is_free()
    assert not is_free(after=silence - 10)
    with pytest.raises(jobs.JobRunningError):
        jobs.run(name="train", work=lambda _: {})
    step(job_id)
    assert is_free(after=silence + 1)
    with pytest.raises(jobs.JobRunningError):
        step(job_id)
    with pytest.raises(jobs.JobError, match="lost its lease"):
        stepwise.part(name="train", job_id=job_id, work=lambda _: None)


def test_a_try_that_was_given_up_for_dead_stops_once_the_next_one_has_begun(job_id: str) -> None:
    def work(progress: Progress) -> dict[str, Any]:
        step(job_id)
        progress.step("writing", progress=0.9)
        raise AssertionError("must not write")

    with pytest.raises(jobs.JobError, match="another one took over"):
        step(job_id, work)


def test_what_may_pass_is_told_apart_and_ends_nothing(job_id: str) -> None:
    def lose(_: Progress) -> dict[str, Any]:
        raise ConnectionClosedError(endpoint_url="http://lost")

    def refuse(_: Progress) -> dict[str, Any]:
        raise ValueError("seven of nine")

    with pytest.raises(stepwise.TransientError, match="ConnectionClosedError"):
        step(job_id, lose)
    with pytest.raises(ValueError, match="seven"):
        step(job_id, refuse)
    running = jobs.find(job_id=job_id)
    assert running is not None
    assert running.state == "running"

    caught = {"Error": "ValueError", "Cause": '{"errorType": "E", "errorMessage": "seven"}'}
    failed = stepwise.fail(name="train", job_id=job_id, error=stepwise.reason(caught))

    assert failed is not None
    assert (failed.state, failed.error) == ("failed", "seven")
    assert failed.log[-1].text == "seven"
    assert is_free()
    assert stepwise.fail(name="train", job_id=job_id, error="again") is None


def test_why_one_of_many_parts_failed_is_told(job_id: str) -> None:
    def fail(_: Any) -> None:
        raise ValueError("row 7 is damaged")

    step(job_id)
    with pytest.raises(ValueError, match="row 7"):
        stepwise.part(name="train", job_id=job_id, work=fail)

    failed = stepwise.fail(name="train", job_id=job_id, error="the threshold was exceeded")

    assert failed is not None
    assert failed.error == "row 7 is damaged"


@pytest.mark.parametrize(
    ("caught", "reason"),
    [
        ({"Error": "States.Timeout", "Cause": "too slow"}, "States.Timeout: too slow"),
        ({"Error": "States.Timeout"}, "States.Timeout"),
        (
            {"Error": "X", "Cause": '{"errorType": "MemoryError", "errorMessage": ""}'},
            "MemoryError",
        ),
        ({"Error": "X", "Cause": "[]"}, "X: []"),
        ({}, "unknown error"),
    ],
)
def test_what_a_state_machine_caught_is_told_in_words(caught: dict[str, str], reason: str) -> None:
    assert stepwise.reason(caught) == reason


def test_a_frequent_job_does_nothing_while_another_run_of_it_is_at_work() -> None:
    def again() -> dict[str, Any]:
        return {"inner": jobs.run_unrecorded(name="trend", work=dict)}

    result = jobs.run_unrecorded(name="trend", work=again)

    assert result == {"inner": {"skipped": "another trend job is running"}}
    assert jobs.run_unrecorded(name="trend", work=lambda: {"popular": 3}) == {"popular": 3}
