"""Start jobs, run them once, and follow them."""

import atexit
import json
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
from core.dynamodb.meter import metered
from core.pages import Page
from core.validation import from_iso, to_iso
from recommendations.services import executions
from recommendations.services.leases import JobError, JobRunningError, Lease, held
from recommendations.services.progress import Progress
from recommendations.storage import jobs as storage
from recommendations.storage.jobs import Job

__all__ = [
    "NAMES",
    "Job",
    "JobError",
    "JobRunningError",
    "Progress",
    "find",
    "listing",
    "run",
    "start",
]

logger = logging.getLogger(__name__)

NAMES = ("train", "export", "rebuild")
# A job is given up for dead after so many lengths of its lease without a word. It renews the lease
# four times in each, but one long computation may keep the renewal waiting.
SILENT_LEASES = 5
PATIENCE_SECONDS = 120.0


def listing(*, limit: int, position: Any = None) -> Page[Job]:
    """Return jobs, newest first."""
    page = storage.listing(limit=limit, position=position)
    return replace(page, rows=tuple(_as_seen(job) for job in page.rows))


def find(*, job_id: str) -> Job | None:
    """Return one job, or None."""
    job = storage.find(job_id=job_id)
    return None if job is None else _as_seen(job)


def is_active(job: Job) -> bool:
    """Tell whether a job waits to start, or runs."""
    return job.state in {"queued", "running"}


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


def _new(*, name: str, by: str, parameters: Mapping[str, Any]) -> Job:
    now = datetime.now(UTC)
    return Job(
        job_id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
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
        Payload=json.dumps({"command": f"recommendations.jobs.{name}", "job_id": job_id}),
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
) -> Job:
    """Run a job here and now, alone of its name, and keep its record; errors are raised again.

    A queued job has parameters of its own; ``parameters`` are for a new one.

    Raises
    ------
    JobRunningError
        When another run holds the lease.
    JobError
        When ``job_id`` is not waiting to start; its record stays as it is.
    """
    job = _begin(name=name, job_id=job_id, by=by, parameters=parameters or {})
    with metered() as meter, patient(PATIENCE_SECONDS):
        lease = Lease(job)
        progress = Progress(job, meter, lease)
        try:
            with held(lease, name=name, on_end=lease.release):
                result = work(progress)
        except BaseException as error:
            logger.error("job %s failed", job.job_id, exc_info=not isinstance(error, JobError))
            text = str(error) or type(error).__name__
            storage.save(_ended(progress, state="failed", error=text))
            raise
        progress.job = replace(progress.job, step="done", progress=1.0, result=result)
        done = _ended(progress, state="succeeded")
        storage.save(done)
        return done


def _begin(*, name: str, job_id: str | None, by: str, parameters: Mapping[str, Any]) -> Job:
    """Store a job as running: a new one, or the queued one, which only one run can take."""
    job = storage.find(job_id=job_id) if job_id else _new(name=name, by=by, parameters=parameters)
    if job is None or job.name != name:
        message = f"there is no {name} job {job_id}; start a new one"
        raise JobError(message)
    running = replace(job, state="running", step="starting", heartbeat_at=to_iso(datetime.now(UTC)))
    if job_id is None:
        storage.save(running)
    elif not storage.begin(running):
        message = f"job {job_id} has been started before; start a new one"
        raise JobError(message)
    return running


def _ended(progress: Progress, *, state: str, error: str | None = None) -> Job:
    return replace(
        progress.job,
        state=state,
        error=error,
        cost=progress.cost(),
        finished_at=to_iso(datetime.now(UTC)),
    )
