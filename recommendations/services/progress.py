"""What a running job reports: its step, how far it is, the rows handled, and its log."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from core.dynamodb.meter import Meter
from core.validation import to_iso
from recommendations.services.leases import Lease
from recommendations.storage import jobs as storage
from recommendations.storage.jobs import Job, LogLine

_REPORT_SECONDS = 0.5
# A record stays small, since it is written twice a second: the newest lines, and those not whole.
_LOG_LINES = 60
LINE_CHARACTERS = 300


class Progress:
    """What a running job reports through.

    `step` and `rows` raise JobError once another run has taken over or somebody has cancelled the
    job. So a job that reports before it writes never writes beside another, and stops when it is
    asked to.
    """

    def __init__(
        self, job: Job, meter: Meter, lease: Lease, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.job = job
        self._cost_elsewhere = dict(job.cost)
        self._meter = meter
        self._lease = lease
        self._clock = clock
        self._reported = clock()
        self._log = deque(job.log, _LOG_LINES)

    def step(self, step: str, *, progress: float) -> None:
        """Say which step begins, and how far the whole job is by then (0 to 1)."""
        self._lease.check(renew=True)
        if step != self.job.step:
            self.note(step)
        self.job = replace(self.job, step=step, progress=progress)
        self.save()

    def rows(self, count: int, *, progress: float | None = None) -> None:
        """Count rows handled, and say how far the whole job is; stored at most twice a second."""
        self._lease.check()
        far = self.job.progress if progress is None else progress
        self.job = replace(self.job, rows=self.job.rows + count, progress=far)
        if self._clock() - self._reported >= _REPORT_SECONDS:
            self.save()

    def note(self, text: str, *, level: str = "info") -> None:
        """Add a line to the log: nothing secret or personal; stored with the next report.

        Parameters
        ----------
        level
            ``info``, ``warning`` or ``error``.
        """
        self._log.append(LogLine(to_iso(datetime.now(UTC)), level, text[:LINE_CHARACTERS]))

    def keep(self, result: Mapping[str, Any]) -> None:
        """Say what has come of it so far, which stays in the record even if the job fails."""
        self.job = replace(self.job, result={**self.job.result, **result})

    def add_cost(self, cost: Mapping[str, float]) -> None:
        """Count what other processes have consumed for this job."""
        for name, value in cost.items():
            self._cost_elsewhere[name] = self._cost_elsewhere.get(name, 0) + value

    def reported(self) -> Job:
        """Return the job as it stands, with its log and what it has consumed so far."""
        now = self._meter.as_dict()
        cost = {name: value + self._cost_elsewhere.get(name, 0) for name, value in now.items()}
        return replace(self.job, cost=cost, log=tuple(self._log))

    def save(self) -> None:
        """Store all of it, and learn whether the job is still wanted."""
        self.job = replace(self.job, heartbeat_at=to_iso(datetime.now(UTC)))
        self._reported = self._clock()
        self._lease.heed(wanted=storage.report(self.reported()))
        self._lease.check()


_noting: ContextVar[Progress | None] = ContextVar("job_noting", default=None)


class _Warnings(logging.Handler):
    """Puts the warnings of a run into its log, and those of nobody else."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.WARNING)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        if _noting.get() is self._progress:
            self._progress.note(record.getMessage(), level=record.levelname.lower())


@contextmanager
def warnings_noted(progress: Progress) -> Iterator[None]:
    """Note what is logged as a warning inside the block, also by threads with its context."""
    handler = _Warnings(progress)
    token = _noting.set(progress)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        _noting.reset(token)
