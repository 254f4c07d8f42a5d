"""The right of one run to do a job, so that two runs of one job keep apart."""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Thread

from django.conf import settings

from core.validation import to_iso
from recommendations.storage import jobs as storage
from recommendations.storage import leases
from recommendations.storage.jobs import Job

logger = logging.getLogger(__name__)


class JobError(Exception):
    """A job cannot do its work; the message says what to do."""


class JobRunningError(JobError):
    """Another run of the same job holds the lease."""


class JobCancelledError(JobError):
    """Somebody wants the job to stop."""


class Lease:
    """The right of one run to do a job; it also knows whether the run is still wanted.

    Each process holds it under a name of its own, so that one that was given up for dead and is
    not learns that it must stop.

    Parameters
    ----------
    job
    in_steps
        The run goes on in another process after this one: that takes the lease over from this one,
        and nobody else does.
    """

    def __init__(self, job: Job, *, in_steps: bool = False) -> None:
        self._job = job
        self._run = f"{job.job_id}/" if in_steps else None
        self._holder = f"{job.job_id}/{secrets.token_hex(16)}"
        self._lost = Event()
        self._cancelled = Event()

    def take(self) -> bool:
        """Take it; False while somebody else holds it."""
        return leases.acquire(
            name=self._job.name,
            holder=self._holder,
            now=datetime.now(UTC),
            seconds=settings.JOB_LEASE_SECONDS,
            run=self._run,
        )

    def _renew(self, seconds: float) -> bool:
        return leases.renew(
            name=self._job.name, holder=self._holder, now=datetime.now(UTC), seconds=seconds
        )

    def keep(self, ended: Event) -> None:
        """Renew it and say that the job lives, until the job has ended or the lease is lost."""
        while not ended.wait(settings.JOB_LEASE_SECONDS / 4):
            try:
                if not self._renew(settings.JOB_LEASE_SECONDS):
                    self._lost.set()
                    return
                now = to_iso(datetime.now(UTC))
                self.heed(wanted=storage.beat(job_id=self._job.job_id, at=now))
            except Exception:
                # Whatever it is, the next try may succeed; if none does, another run takes over.
                logger.warning(
                    "the lease of job %s was not renewed", self._job.job_id, exc_info=True
                )

    def heed(self, *, wanted: bool) -> None:
        """Remember what the record says: whether nobody has cancelled the run."""
        if not wanted:
            self._cancelled.set()

    def check(self, *, renew: bool = False) -> None:
        """Raise JobError when the run must not go on; ``renew`` asks the database about the lease.

        Raises
        ------
        JobCancelledError
            When somebody has cancelled it.
        JobError
            When another run has taken over.
        """
        if renew and not self._renew(settings.JOB_LEASE_SECONDS):
            self._lost.set()
        if self._lost.is_set():
            message = "this run was silent for too long and lost its lease; another one took over"
            raise JobError(message)
        if self._cancelled.is_set():
            message = "cancelled"
            raise JobCancelledError(message)

    def release(self) -> None:
        """Give it back; the run has ended."""
        self._quietly(lambda: leases.release(name=self._job.name, holder=self._holder))

    def leave(self, *, seconds: float) -> None:
        """Keep it for so long, by when the next step must have taken it over."""
        self._quietly(lambda: self._renew(seconds))

    def _quietly(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception:
            # What the job did stands; the lease ends by itself.
            logger.warning(
                "the lease of job %s was not given back", self._job.job_id, exc_info=True
            )


@contextmanager
def held(lease: Lease, *, name: str, on_end: Callable[[], None]) -> Iterator[None]:
    """Hold a lease, renewed in the background, so that a killed run soon frees it.

    Raises
    ------
    JobRunningError
        When somebody else holds it.
    """
    if not lease.take():
        message = f"another {name} job is running; wait for it to end"
        raise JobRunningError(message)
    ended = Event()
    thread = Thread(target=lease.keep, args=[ended], daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        on_end()
