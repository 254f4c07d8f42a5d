"""How much time a job has."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """A clock in seconds that never goes back, and a point on it at which the job may be killed."""

    deadline: float | None = None
    clock: Callable[[], float] = time.monotonic

    @property
    def left(self) -> float:
        """Seconds until the deadline; infinite without one."""
        return math.inf if self.deadline is None else self.deadline - self.clock()

    def share(self, share: float, *, at_most: float = math.inf) -> float:
        """Return a share of the seconds that are left, at most so many."""
        return min(share * self.left, at_most)
