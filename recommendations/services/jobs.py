"""Start jobs, run them once, and follow them."""

import atexit
import json
import logging
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

import boto3
from django.conf import settings

from core.dynamodb.meter import Meter, metered
from core.pages import Page
from core.validation import to_iso
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

NAMES = ("train",)
_REPORT_SECONDS = 0.5


class JobError(Exception):
    """A job cannot do its work; the message says what to do."""


class JobRunningError(JobError):
    """Another run of the same job holds the lease."""


class Progress:
    """What a running job reports through: its step, how far it is, and rows handled."""

    def __init__(
        self, job: Job, meter: Meter, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.job = job
        self._meter = meter
        self._clock = clock
        self._reported = clock()

    def step(self, step: str, *, progress: float) -> None:
        """Say which step begins, and how far the whole job is by then (0 to 1)."""
        self.job = replace(self.job, step=step, progress=progress)
        self._save()

    def rows(self, count: int) -> None:
        """Count rows handled; stored at most twice a second."""
        self.job = replace(self.job, rows=self.job.rows + count)
        if self._clock() - self._reported >= _REPORT_SECONDS:
            self._save()

    def cost(self) -> dict[str, float]:
        """Return what the job has consumed of DynamoDB so far."""
        return {
            "read_units": self._meter.read_units,
            "write_units": self._meter.write_units,
            "round_trips": self._meter.round_trips,
        }

    def _save(self) -> None:
        self.job = replace(self.job, heartbeat_at=to_iso(datetime.now(UTC)), cost=self.cost())
        storage.save(self.job)
        self._reported = self._clock()


@contextmanager
def _lease(job: Job) -> Iterator[None]:
    """Hold the lease of a job, renewed in the background, so that a killed one soon frees it."""

    def take() -> bool:
        now = datetime.now(UTC)
        return storage.acquire(
            name=job.name, holder=job.job_id, now=now, seconds=settings.JOB_LEASE_SECONDS
        )

    if not take():
        message = f"another {job.name} job is running; wait for it to end"
        raise JobRunningError(message)
    ended = Event()

    def renew() -> None:
        while not ended.wait(settings.JOB_LEASE_SECONDS / 4):
            take()

    thread = Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        storage.release(name=job.name, holder=job.job_id)


def listing(*, limit: int, position: Any = None) -> Page[Job]:
    """Return jobs, newest first."""
    return storage.listing(limit=limit, position=position)


def find(*, job_id: str) -> Job | None:
    """Return one job, or None."""
    return storage.find(job_id=job_id)


def _new(*, name: str, by: str) -> Job:
    now = datetime.now(UTC)
    return Job(
        job_id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        name=name,
        state="queued",
        started_by=by,
        created_at=to_iso(now),
        step="waiting to start",
    )


def start(*, name: str, by: str) -> Job:
    """Start a job in the background and return it as queued.

    It runs in the jobs function on AWS, and in a process of its own elsewhere.

    Raises
    ------
    ValueError
        When there is no job of that name.
    """
    if name not in NAMES:
        message = f"there is no job {name!r}; there are: {', '.join(NAMES)}"
        raise ValueError(message)
    job = _new(name=name, by=by)
    storage.save(job)
    if settings.JOBS_FUNCTION:
        boto3.client("lambda").invoke(
            FunctionName=settings.JOBS_FUNCTION,
            InvocationType="Event",
            Payload=json.dumps({"command": f"recommendations.jobs.{name}", "job_id": job.job_id}),
        )
    else:
        _spawn(name=name, job_id=job.job_id)
    return job


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
) -> Job:
    """Run a job here and now, alone of its name, and keep its record; errors are raised again.

    Raises
    ------
    JobRunningError
        When another run holds the lease.
    """
    queued = storage.find(job_id=job_id) if job_id else None
    job = replace(queued or _new(name=name, by=by), state="running", step="starting")
    with metered() as meter:
        progress = Progress(job, meter)
        try:
            with _lease(job):
                storage.save(job)
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


def _ended(progress: Progress, *, state: str, error: str | None = None) -> Job:
    return replace(
        progress.job,
        state=state,
        error=error,
        cost=progress.cost(),
        finished_at=to_iso(datetime.now(UTC)),
    )
