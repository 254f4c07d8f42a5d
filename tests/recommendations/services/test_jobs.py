"""A job runs once, alone of its name, and its record tells the truth even when it is killed."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from django.conf import settings

from core.dynamodb.errors import is_transient
from core.dynamodb.meter import metered
from core.validation import to_iso
from recommendations import jobs as entry_points
from recommendations.models import LeaseRow
from recommendations.services import jobs
from recommendations.services.jobs import Progress
from recommendations.storage import jobs as storage
from recommendations.storage import leases

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
    assert leases.acquire(
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
    assert not leases.acquire(name="train", holder="third", now=datetime.now(UTC), seconds=1)


def test_a_run_does_not_go_on_after_another_one_came_and_went() -> None:
    def work(progress: Progress) -> dict[str, Any]:
        steal("train")
        leases.release(name="train", holder="other")
        progress.step("publishing", progress=0.9)
        raise AssertionError("must not publish")

    with pytest.raises(jobs.JobError, match="another one took over"):
        jobs.run(name="train", work=work)


def test_a_lease_that_nobody_else_took_is_kept_though_it_ran_out() -> None:
    begun = datetime.now(UTC) - timedelta(minutes=5)
    assert leases.acquire(name="train", holder="slow", now=begun, seconds=60)
    row = LeaseRow.get(LeaseRow.PK, "train")

    # DynamoDB may remove the row from then on, and with it the claim of a holder that was slow.
    assert row.expires_at > datetime.now(UTC) + timedelta(hours=12)
    assert leases.renew(name="train", holder="slow", now=datetime.now(UTC), seconds=60)


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
    renew = leases.renew

    def fail_at_first(**given: Any) -> bool:
        if not answers:
            answers.append(False)
            raise EndpointConnectionError(endpoint_url="http://nowhere")
        answers.append(renew(**given))
        return answers[-1]

    monkeypatch.setattr(leases, "renew", fail_at_first)

    def work(_: Progress) -> dict[str, Any]:
        until(lambda: len(answers) > 5)
        now = datetime.now(UTC)
        assert not leases.acquire(name="train", holder="other", now=now, seconds=1)
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


def test_a_job_that_was_cancelled_while_it_waited_never_starts() -> None:
    job_id = queued()

    assert jobs.cancel(job_id=job_id, by="ben").state == "cancelled"

    assert jobs.run(name="train", work=refuse, job_id=job_id).state == "cancelled"
    found = jobs.find(job_id=job_id)
    assert found is not None
    assert (found.state, found.cancelled_by) == ("cancelled", "ben")
    with pytest.raises(jobs.JobError, match="has ended"):
        jobs.cancel(job_id=job_id, by="ben")


def test_a_running_job_that_was_cancelled_stops_at_its_next_report() -> None:
    def work(progress: Progress) -> dict[str, Any]:
        progress.step("reading", progress=0.1)
        progress.rows(3)
        progress.keep({"read": 3})
        assert jobs.cancel(job_id=progress.job.job_id, by="ben").cancelled_by == "ben"
        progress.step("publishing", progress=0.9)
        raise AssertionError("must not publish")

    job = jobs.run(name="train", work=work)

    assert job == jobs.find(job_id=job.job_id)
    assert (job.state, job.cancelled_by, job.rows) == ("cancelled", "ben", 3)
    assert job.result == {"read": 3}, "what was done by then stands"
    assert [line.text for line in job.log] == ["reading", "publishing", "cancelled by ben"]
    assert jobs.run(name="train", work=nothing).state == "succeeded", "its place is free"


@pytest.mark.usefixtures("short_lease")
def test_a_job_that_only_counts_rows_learns_that_it_is_cancelled() -> None:
    def work(progress: Progress) -> dict[str, Any]:
        jobs.cancel(job_id=progress.job.job_id, by="ben")
        until(lambda: progress.rows(1) is not None)
        raise AssertionError("nobody said so")

    assert jobs.run(name="train", work=work).state == "cancelled"


def test_the_log_has_steps_warnings_and_the_error_and_stays_small() -> None:
    def work(progress: Progress) -> dict[str, Any]:
        progress.step("reading", progress=0.1)
        logging.getLogger("recommendations.training").warning("%s rows are odd", 7)
        thread = threading.Thread(target=logging.getLogger("other").warning, args=["of others"])
        thread.start()
        thread.join()
        for number in range(100):
            progress.note(f"{number} " + "x" * 1000)
        message = "there is nothing to learn from; import events first"
        raise jobs.JobError(message)

    with pytest.raises(jobs.JobError):
        jobs.run(name="train", work=work)

    (job,) = jobs.listing(limit=5).rows
    assert len(job.log) == 60
    assert max(len(line.text) for line in job.log) == 300
    assert (job.log[-1].level, job.log[-1].text) == ("error", job.error)

    def short(progress: Progress) -> dict[str, Any]:
        logging.getLogger("recommendations.training").warning("%s rows are odd", 7)
        return {}

    lines = [(line.level, line.text) for line in jobs.run(name="train", work=short).log]
    assert lines == [("warning", "7 rows are odd"), ("info", "done")]


def test_how_each_job_ended_last_is_known_even_where_no_run_is_recorded() -> None:
    def fail() -> dict[str, Any]:
        message = "no counters; run a rebuild"
        raise jobs.JobError(message)

    job = jobs.run(name="train", work=nothing)
    assert jobs.run_unrecorded(name="trend", work=lambda: {"popular": 1}) == {"popular": 1}
    assert [row.name for row in jobs.listing(limit=5).rows] == ["train"]
    found = jobs.last_runs()
    assert found["train"].job_id == job.job_id
    assert (found["trend"].job_id, found["trend"].state) == (None, "succeeded")

    with pytest.raises(jobs.JobError):
        jobs.run_unrecorded(name="trend", work=fail)
    (failed,) = jobs.listing(limit=5, state="failed").rows
    assert (failed.name, failed.error) == ("trend", "no counters; run a rebuild")
    assert jobs.last_runs()["trend"].job_id == failed.job_id


def test_jobs_are_found_by_name_and_state_in_pages_that_lead_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(storage, "_LOOKED_AT", 4)
    for number in range(10):
        name = "export" if number == 0 else "train"
        job = jobs._new(name=name, by="ada", parameters={})
        storage.save(replace(job, job_id=f"{number:02}", state="succeeded"))
    old = to_iso(datetime.now(UTC) - timedelta(days=1))
    storage.save(replace(job, job_id="99", state="running", heartbeat_at=old))

    position, found, pages = None, [], 0
    while pages == 0 or position is not None:
        with metered() as meter:
            page = jobs.listing(name="export", limit=2, position=position)
        assert meter.round_trips == 1
        found += page.rows
        position, pages = page.next, pages + 1
    assert ([row.job_id for row in found], pages) == (["00"], 3)
    assert [row.job_id for row in jobs.listing(state="failed", limit=2).rows] == ["99"]
    assert jobs.listing(state="running", limit=2).rows == ()


@pytest.mark.parametrize("machine", ["", "train"])
def test_a_schedule_that_rings_while_a_run_is_at_work_leaves_it_alone(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "TRAINING_STATE_MACHINE", machine)
    scheduled = {"time": "2026-11-26T03:00:00Z"}

    def work(_: Progress) -> dict[str, Any]:
        return entry_points.train(scheduled)

    job = jobs.run(name="train", work=work)

    assert job.result == {"skipped": "another train job is running"}
    assert [each.job_id for each in jobs.listing(limit=5).rows] == [job.job_id]
