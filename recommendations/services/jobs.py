"""Start jobs, run them once, and follow them."""

import atexit
import json
import keyword
import logging
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import boto3
from django.conf import settings

from core.dynamodb.batch import patient
from core.pages import Page
from core.usage import measured
from core.validation import from_iso, to_iso
from recommendations.services import executions
from recommendations.services.leases import (
    JobCancelledError,
    JobError,
    JobRunningError,
    Lease,
    held,
)
from recommendations.services.progress import Progress, warnings_noted
from recommendations.storage import jobs as storage
from recommendations.storage import leases
from recommendations.storage.jobs import Job, LastRun, LogLine

__all__ = [
    "NAMES",
    "Job",
    "JobCancelledError",
    "JobError",
    "JobRunningError",
    "LastRun",
    "LogLine",
    "Progress",
    "cancel",
    "entry_point",
    "find",
    "is_active",
    "is_at_work",
    "last_runs",
    "listing",
    "run",
    "run_unrecorded",
    "start",
]

logger = logging.getLogger(__name__)

NAMES = ("train", "trend", "report", "clean", "count", "rebuild", "collect", "export", "import")
# A job is given up for dead after so many lengths of its lease without a word. It renews the lease
# four times in each, but one long computation may keep the renewal waiting.
SILENT_LEASES = 5
PATIENCE_SECONDS = 120.0


def listing(
    *, name: str | None = None, state: str | None = None, limit: int, position: Any = None
) -> Page[Job]:
    """Return jobs, newest first; of a page that is narrowed rows may be missing, but none for ever.

    ``position`` is the ``next`` of the page before.
    """
    # One that was killed could not say that it failed.
    states = {"failed": ("failed", "running")}.get(state or "", (state,) if state else ())
    page = storage.listing(name=name, states=states, limit=limit, position=position)
    rows = (_as_seen(job) for job in page.rows)
    return replace(page, rows=tuple(job for job in rows if state in {None, job.state}))


def last_runs() -> dict[str, LastRun]:
    """Return how each job ended last, by its name."""
    return storage.last_runs()


def find(*, job_id: str) -> Job | None:
    """Return one job, or None."""
    job = storage.find(job_id=job_id)
    return None if job is None else _as_seen(job)


def is_active(job: Job) -> bool:
    """Tell whether a job waits to start, or runs."""
    return job.state in {"queued", "running"}


def is_at_work(*, name: str) -> bool:
    """Tell whether a run of a job holds its lease."""
    return leases.is_held(name=name, now=datetime.now(UTC))


def _as_seen(job: Job) -> Job:
    """Return a job that was killed, and so could not say that it ended, as failed."""
    if job.state != "running":
        return job
    last_word = job.heartbeat_at or job.created_at
    silence = timedelta(seconds=SILENT_LEASES * settings.JOB_LEASE_SECONDS)
    if datetime.now(UTC) - from_iso(last_word) <= silence:
        return job
    return replace(
        job, state="failed", error="stopped without a word; start it again", finished_at=last_word
    )


def cancel(*, job_id: str, by: str) -> Job:
    """Stop a job: one that waits never starts, one that runs stops at its next report.

    Raises
    ------
    JobError
        When there is no such job, or it has ended.
    """
    job = find(job_id=job_id)
    if job is None:
        message = f"there is no job {job_id}"
        raise JobError(message)
    # A step that still runs is no longer wanted; nobody would end the record between two of them.
    at_once = ("queued",) if job.execution is None else ("queued", "running")
    now = to_iso(datetime.now(UTC))
    if is_active(job) and storage.cancel(job_id=job_id, by=by, at=now, states=at_once):
        executions.stop(job, reason=f"cancelled by {by}")
        leases.release_run(name=job.name, run=f"{job_id}/")
        return replace(job, state="cancelled", cancelled_by=by, finished_at=now)
    if is_active(job) and storage.ask_to_stop(job_id=job_id, by=by):
        return replace(job, state="running", cancelled_by=by)
    message = f"job {job_id} has ended already"
    raise JobError(message)


def entry_point(name: str) -> str:
    """Return the name of the function in `recommendations.jobs` that does a job."""
    return f"{name}_" if keyword.iskeyword(name) else name


def _new(*, name: str, by: str, parameters: Mapping[str, Any]) -> Job:
    now = datetime.now(UTC)
    return Job(
        job_id=f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}",
        name=name,
        state="queued",
        started_by=by,
        created_at=to_iso(now),
        step="waiting to start",
        parameters=dict(parameters),
    )


def start(*, name: str, by: str, parameters: Mapping[str, Any] | None = None) -> Job:
    """Start a job in the background and return it as queued; its work knows the parameters.

    It runs in the jobs function on AWS, and in a process of its own elsewhere; training as an
    execution of the state machine, where there is one.

    Raises
    ------
    ValueError
        When there is no job of that name.
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, OSError
        When it could not be started; its record says so.
    """
    if name not in NAMES:
        message = f"there is no job {name!r}; there are: {', '.join(NAMES)}"
        raise ValueError(message)
    job = _new(name=name, by=by, parameters=parameters or {})
    storage.save(job)
    try:
        if name == "train" and settings.TRAINING_STATE_MACHINE:
            job = executions.start(job)
        elif settings.JOBS_FUNCTION:
            _invoke(name=name, job_id=job.job_id)
        else:
            _spawn(name=name, job_id=job.job_id)
    except Exception as error:
        reason = f"it could not be started ({type(error).__name__}); start it again"
        storage.save(
            replace(job, state="failed", error=reason, finished_at=to_iso(datetime.now(UTC)))
        )
        raise
    return job


def _invoke(*, name: str, job_id: str) -> None:
    boto3.client("lambda").invoke(
        FunctionName=settings.JOBS_FUNCTION,
        InvocationType="Event",
        Payload=json.dumps(
            {"command": f"recommendations.jobs.{entry_point(name)}", "job_id": job_id}
        ),
    )


def _spawn(*, name: str, job_id: str) -> None:
    process = subprocess.Popen(  # noqa: S603  # our own program with a fixed name and our own id
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "job", name, "--id", job_id],
        env=os.environ.copy(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    # A job ends with the server that started it, and its exit status is collected at once.
    atexit.register(process.terminate)

    def collect() -> None:
        process.wait()
        atexit.unregister(process.terminate)

    Thread(target=collect, daemon=True).start()


def run(
    *,
    name: str,
    work: Callable[[Progress], dict[str, Any]],
    job_id: str | None = None,
    by: str = "schedule",
    parameters: Mapping[str, Any] | None = None,
    on_end: Callable[[Job], object] = lambda _: None,
) -> Job:
    """Run a job here and now, alone of its name, and keep its record; errors are raised again.

    A queued job has parameters of its own; ``parameters`` are for a new one. One that was
    cancelled, before or meanwhile, is returned as that. ``on_end`` is told how it ended.

    Raises
    ------
    JobRunningError
        When another run holds the lease.
    JobError
        When ``job_id`` is not waiting to start; its record stays as it is.
    """
    job = _begin(name=name, job_id=job_id, by=by, parameters=parameters or {})
    if job.state == "cancelled":
        return job
    with measured("job", name) as meter, patient(PATIENCE_SECONDS):
        lease = Lease(job)
        progress = Progress(job, meter, lease)

        def end(**fields: Any) -> Job:
            ended = _end(progress, **fields)
            on_end(ended)
            return ended

        try:
            with held(lease, name=name, on_end=lease.release), warnings_noted(progress):
                result = work(progress)
        except JobCancelledError:
            stopped = storage.find(job_id=job.job_id)
            by = (stopped and stopped.cancelled_by) or "somebody"
            progress.note(f"cancelled by {by}", level="warning")
            return end(state="cancelled", cancelled_by=by)
        except BaseException as error:
            logger.error("job %s failed", job.job_id, exc_info=not isinstance(error, JobError))
            text = str(error) or type(error).__name__
            progress.note(text, level="error")
            end(state="failed", error=text)
            raise
        progress.note("done")
        progress.job = replace(progress.job, step="done", progress=1.0)
        return end(state="succeeded", result=result)


def run_unrecorded(
    *, name: str, work: Callable[[], dict[str, Any]], by: str = "schedule"
) -> dict[str, Any]:
    """Run a job that is too frequent to keep a record of each run: only of those that fail.

    It does nothing while another run is at work. How it ended last is kept in any case.
    """
    job = replace(_new(name=name, by=by, parameters={}), state="running", step="")
    lease = Lease(job)
    try:
        if not lease.take():
            return {"skipped": f"another {name} job is running"}
        with measured("job", name):
            try:
                result = work()
            finally:
                lease.release()
    except BaseException as error:
        logger.error("job %s failed", name, exc_info=not isinstance(error, JobError))
        text = str(error) or type(error).__name__
        now = to_iso(datetime.now(UTC))
        storage.end(replace(job, state="failed", error=text, finished_at=now))
        raise
    now = to_iso(datetime.now(UTC))
    storage.save_last(replace(job, state="succeeded", finished_at=now), recorded=False)
    return result


def _begin(*, name: str, job_id: str | None, by: str, parameters: Mapping[str, Any]) -> Job:
    """Store a job as running: a new one, or the queued one, which only one run can take."""
    job = storage.find(job_id=job_id) if job_id else _new(name=name, by=by, parameters=parameters)
    if job is None or job.name != name:
        message = f"there is no {name} job {job_id}; start a new one"
        raise JobError(message)
    if job.state == "cancelled":
        return job
    running = replace(job, state="running", step="starting", heartbeat_at=to_iso(datetime.now(UTC)))
    if job_id is None:
        storage.save(running)
    elif not storage.begin(running):
        message = f"job {job_id} has been started before; start a new one"
        raise JobError(message)
    return running


def _end(progress: Progress, **fields: Any) -> Job:
    job = replace(progress.reported(), finished_at=to_iso(datetime.now(UTC)), **fields)
    storage.end(job)
    return job
