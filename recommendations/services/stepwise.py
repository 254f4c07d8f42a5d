"""A job in several steps, each a process of its own: one record and one lease for all of them.

A state machine calls the steps one after the other. The lease is the run's: each step takes it over
from the one before and renews it while it works, and between two steps it lasts long enough for a
step that is tried again. When the run dies, it ends by itself.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from core.dynamodb.batch import patient
from core.dynamodb.errors import is_transient
from core.usage import measured
from core.validation import to_iso
from recommendations.services.jobs import PATIENCE_SECONDS, SILENT_LEASES, is_active
from recommendations.services.leases import JobError, Lease, held
from recommendations.services.progress import LINE_CHARACTERS, Progress, warnings_noted
from recommendations.storage import jobs as storage
from recommendations.storage import leases
from recommendations.storage.jobs import Job, LogLine

logger = logging.getLogger(__name__)

Work = Callable[[Progress], dict[str, Any]]


class TransientError(Exception):
    """What went wrong may pass; the state machine tries the step again, by this name."""


def step(*, name: str, job_id: str, work: Work, last: bool = False) -> Job:
    """Run one step of a job, and keep what it returns in the job's result.

    An error is raised again and ends nothing: whoever called the step tries it again, or calls
    `fail`.

    Parameters
    ----------
    name, job_id
    work
    last
        The job has succeeded after this step.

    Raises
    ------
    JobRunningError
        When another run holds the lease.
    JobError
        When the job has ended, or was cancelled.
    TransientError
        In place of what went wrong, if that may pass.
    """
    with _told_apart(), measured("job", name) as meter, patient(PATIENCE_SECONDS):
        job = _running(name=name, job_id=job_id)
        lease = Lease(job, in_steps=True)
        progress = Progress(job, meter, lease)
        with (
            held(lease, name=name, on_end=lambda: lease.leave(seconds=_between())),
            warnings_noted(progress),
        ):
            progress.keep(work(progress))
            progress.save()
        if not last:
            return progress.reported()
        progress.note("done")
        done = _ended(progress.reported(), state="succeeded")
        # In this order, so that both can be tried again.
        leases.release_run(name=name, run=f"{job_id}/")
        storage.end(done)
        return done


def part(*, name: str, job_id: str, work: Callable[[Callable[[int], None]], None]) -> None:
    """Do a part of a step that other processes do other parts of at the same time.

    Raises
    ------
    JobError
        When the run has lost the lease, or has ended.
    TransientError
        In place of what went wrong, if that may pass.
    """
    rows = 0

    def count(handled: int) -> None:
        nonlocal rows
        rows += handled

    with _told_apart(), measured("job", name), patient(PATIENCE_SECONDS):
        now = datetime.now(UTC)
        if not leases.extend(name=name, run=f"{job_id}/", now=now, seconds=_between()):
            message = "this run has ended, or lost its lease to another one"
            raise JobError(message)
        try:
            work(count)
        except Exception as error:
            # Of many parts, Step Functions only tells that some failed.
            if not is_transient(error):
                storage.note_error(job_id=job_id, error=str(error) or type(error).__name__)
            raise
        storage.count(job_id=job_id, rows=rows, at=to_iso(datetime.now(UTC)))


@contextmanager
def _told_apart() -> Iterator[None]:
    """Raise what may pass under one name, which the state machine tries again."""
    try:
        yield
    except Exception as error:
        if is_transient(error):
            raise TransientError(f"{type(error).__name__}; it may pass") from error
        raise


def fail(*, name: str, job_id: str, error: str) -> Job | None:
    """Note that a job has failed, and free its lease; None if it had ended or never was.

    What a part has noted as the reason stays.
    """
    leases.release_run(name=name, run=f"{job_id}/")
    job = storage.find(job_id=job_id)
    if job is None or not is_active(job):
        return None
    error = job.error or error
    line = LogLine(to_iso(datetime.now(UTC)), "error", error[:LINE_CHARACTERS])
    failed = _ended(replace(job, error=error, log=(*job.log, line)), state="failed")
    storage.end(failed)
    logger.error("job %s failed at the step %r", job_id, job.step)
    return failed


def reason(caught: Mapping[str, Any]) -> str:
    """Return what a person wants to know of an error that a state machine caught.

    Its cause is what Lambda answered: JSON with the error's type and message, if it came from us.
    """
    try:
        cause = json.loads(caught["Cause"])
        kind, message = str(cause["errorType"]), str(cause.get("errorMessage") or "")
    except (KeyError, TypeError, ValueError):
        return f"{caught.get('Error', 'unknown error')}: {caught.get('Cause', '')}".rstrip(": ")
    return message or kind


def _between() -> float:
    """Return how long the lease lasts between two steps: as long as the job passes for alive."""
    return SILENT_LEASES * float(settings.JOB_LEASE_SECONDS)


def _running(*, name: str, job_id: str) -> Job:
    """Return the job of a run in steps, as running from its first step on."""
    job = storage.find(job_id=job_id)
    if job is None or job.name != name or job.execution is None:
        message = f"there is no {name} job {job_id} that runs in steps; start a new one"
        raise JobError(message)
    if job.state == "running":
        return job
    running = replace(job, state="running", heartbeat_at=to_iso(datetime.now(UTC)))
    if not storage.begin(running):
        message = f"job {job_id} has ended; start a new one"
        raise JobError(message)
    return running


def _ended(job: Job, *, state: str) -> Job:
    if state == "succeeded":
        job = replace(job, step="done", progress=1.0)
    return replace(job, state=state, finished_at=to_iso(datetime.now(UTC)))
