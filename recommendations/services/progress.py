"""What a running job reports through."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from core.dynamodb.meter import Meter
from core.validation import to_iso
from recommendations.services.leases import Lease
from recommendations.storage import jobs as storage
from recommendations.storage.jobs import Job

_REPORT_SECONDS = 0.5


class Progress:
    """What a running job reports through: its step, how far it is, and rows handled.

    Both `step` and `rows` raise JobError once another run has taken over, so a job that reports
    before it writes never writes beside another.
    """

    def __init__(
        self, job: Job, meter: Meter, lease: Lease, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.job = job
        self._cost_before = dict(job.cost)
        self._meter = meter
        self._lease = lease
        self._clock = clock
        self._reported = clock()

    def step(self, step: str, *, progress: float) -> None:
        """Say which step begins, and how far the whole job is by then (0 to 1)."""
        self._lease.check(renew=True)
        self.job = replace(self.job, step=step, progress=progress)
        self.save()

    def rows(self, count: int) -> None:
        """Count rows handled; stored at most twice a second."""
        self._lease.check()
        self.job = replace(self.job, rows=self.job.rows + count)
        if self._clock() - self._reported >= _REPORT_SECONDS:
            self.save()

    def cost(self) -> dict[str, float]:
        """Return what the job has consumed of DynamoDB so far."""
        now = {
            "read_units": self._meter.read_units,
            "write_units": self._meter.write_units,
            "round_trips": self._meter.round_trips,
        }
        return {name: value + self._cost_before.get(name, 0) for name, value in now.items()}

    def save(self) -> None:
        """Store all of it."""
        self.job = replace(self.job, heartbeat_at=to_iso(datetime.now(UTC)), cost=self.cost())
        storage.save(self.job)
        self._reported = self._clock()
