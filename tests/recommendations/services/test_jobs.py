"""A job runs once, alone of its name, and its record tells the truth even when it is killed."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from django.conf import settings

from core.dynamodb.errors import is_transient
from core.validation import to_iso
from recommendations.models import LeaseRow
from recommendations.services import jobs
from recommendations.services.jobs import Progress
from recommendations.storage import jobs as storage

pytestmark = pytest.mark.usefixtures("dynamodb")


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(settings, "JOB_LEASE_SECONDS", 0.4)
    return 0.4


def queued() -> str:
    job = jobs._new(name="train", by="ada", parameters={})
    storage.save(job)
    return job.job_id


def nothing(_: Progress) -> dict[str, Any]:
    return {"done": True}


def refuse(_: Progress) -> dict[str, Any]:
    raise AssertionError("the work must not begin")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def steal(name: str) -> None:
    """Do what a second run does once the lease of the first has run out."""
    assert storage.acquire(
        name=name, holder="other", now=datetime.now(UTC) + timedelta(hours=1), seconds=60
    )


def test_a_job_that_is_delivered_twice_runs_once() -> None:
    job_id = queued()

    def deliver_again(_: Progress) -> dict[str, Any]:
        with pytest.raises(jobs.JobError, match="started before"):
            jobs.run(name="train", work=refuse, job_id=job_id)
        return {"done": True}

    jobs.run(name="train", work=deliver_again, job_id=job_id)

    with pytest.raises(jobs.JobError, match="start a new one"):
        jobs.run(name="train", work=refuse, job_id=job_id)
    found = jobs.find(job_id=job_id)
    assert found is not None
    assert (found.state, found.error, found.result) == ("succeeded", None, {"done": True})


def test_a_job_that_nobody_queued_does_not_run() -> None:
    with pytest.raises(jobs.JobError, match="no train job nobody"):
        jobs.run(name="train", work=refuse, job_id="nobody")

    assert jobs.listing(limit=5).rows == ()


def test_a_run_that_lost_its_lease_stops_before_its_next_step() -> None:
    def work(progress: Progress) -> dict[str, Any]:
        steal("train")
        progress.step("publishing", progress=0.9)
        raise AssertionError("must not publish")

    with pytest.raises(jobs.JobError, match="another one took over"):
        jobs.run(name="train", work=work)

    (job,) = jobs.listing(limit=5).rows
    assert job.state == "failed"
    assert not storage.acquire(name="train", holder="third", now=datetime.now(UTC), seconds=1)


def test_a_run_does_not_go_on_after_another_one_came_and_went() -> None:
    def work(progress: Progress) -> dict[str, Any]:
        steal("train")
        storage.release(name="train", holder="other")
        progress.step("publishing", progress=0.9)
        raise AssertionError("must not publish")

    with pytest.raises(jobs.JobError, match="another one took over"):
        jobs.run(name="train", work=work)


def test_a_lease_that_nobody_else_took_is_kept_though_it_ran_out() -> None:
    begun = datetime.now(UTC) - timedelta(minutes=5)
    assert storage.acquire(name="train", holder="slow", now=begun, seconds=60)
    row = LeaseRow.get(LeaseRow.PK, "train")

    # DynamoDB may remove the row from then on, and with it the claim of a holder that was slow.
    assert row.expires_at > datetime.now(UTC) + timedelta(hours=12)
    assert storage.renew(name="train", holder="slow", now=datetime.now(UTC), seconds=60)


@pytest.mark.usefixtures("short_lease")
def test_a_run_that_lost_its_lease_learns_it_between_its_rows() -> None:
    def work(progress: Progress) -> dict[str, Any]:
        steal("train")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            progress.rows(1)
            time.sleep(0.02)
        raise AssertionError("nobody said so")

    with pytest.raises(jobs.JobError, match="another one took over"):
        jobs.run(name="train", work=work)


def test_the_lease_is_renewed_after_an_error_too(
    short_lease: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[bool] = []
    renew = storage.renew

    def fail_at_first(**given: Any) -> bool:
        if not answers:
            answers.append(False)
            raise EndpointConnectionError(endpoint_url="http://nowhere")
        answers.append(renew(**given))
        return answers[-1]

    monkeypatch.setattr(storage, "renew", fail_at_first)

    def work(_: Progress) -> dict[str, Any]:
        until(lambda: len(answers) > 5)
        now = datetime.now(UTC)
        assert not storage.acquire(name="train", holder="other", now=now, seconds=1)
        return {}

    assert jobs.run(name="train", work=work).state == "succeeded"
    assert answers[:2] == [False, True]


def test_a_long_silent_job_lives_and_a_killed_one_has_failed(short_lease: float) -> None:
    seen = []

    def work(progress: Progress) -> dict[str, Any]:
        time.sleep(6 * short_lease)
        seen.append(jobs.find(job_id=progress.job.job_id))
        return {}

    jobs.run(name="train", work=work)
    assert seen[0] is not None
    assert seen[0].state == "running"

    old = to_iso(datetime.now(UTC) - timedelta(seconds=60))
    killed = replace(seen[0], job_id="killed", heartbeat_at=old)
    storage.save(killed)
    found = jobs.find(job_id="killed")
    assert found is not None
    assert (found.state, found.finished_at) == ("failed", old)
    assert found.error == "stopped without a word; start it again"
    assert {job.state for job in jobs.listing(limit=5).rows} == {"succeeded", "failed"}


def test_a_job_that_cannot_be_started_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "JOBS_FUNCTION", "jobs")
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    with pytest.raises(EndpointConnectionError) as caught:
        jobs.start(name="train", by="ada")

    # The API answers what may succeed later with 503.
    assert is_transient(caught.value)
    (job,) = jobs.listing(limit=5).rows
    assert job.state == "failed"
    assert "could not be started (EndpointConnectionError)" in (job.error or "")
