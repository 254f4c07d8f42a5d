"""Leases: the right of one run to do a job, which ends by itself."""

from datetime import datetime, timedelta

from pynamodb.expressions.condition import Condition

from core.dynamodb.conditions import delete_if, held, save_if
from recommendations.models import LeaseRow

_REMOVED_AFTER = timedelta(days=1)


def is_held(*, name: str, now: datetime) -> bool:
    """Tell whether anybody holds the lease of a job."""
    row = LeaseRow.load(LeaseRow.PK, name, consistent=True)
    return row is not None and row.runs_out_at >= now.timestamp()


def acquire(
    *, name: str, holder: str, now: datetime, seconds: float, run: str | None = None
) -> bool:
    """Take the lease of a job; False while somebody else holds it.

    A run in several processes says how the names of its holders begin: it takes over from itself.
    """
    free = LeaseRow.holder.does_not_exist() | (LeaseRow.runs_out_at < now.timestamp())
    if run is not None:
        free |= LeaseRow.holder.startswith(run)
    return _lease(name, holder, now + timedelta(seconds=seconds), condition=free)


def renew(*, name: str, holder: str, now: datetime, seconds: float) -> bool:
    """Make one's lease last longer; False when somebody else has had it in between."""
    own = LeaseRow.holder == holder
    return _lease(name, holder, now + timedelta(seconds=seconds), condition=own)


def _lease(name: str, holder: str, until: datetime, *, condition: Condition) -> bool:
    row = LeaseRow(
        LeaseRow.PK,
        name,
        holder=holder,
        runs_out_at=until.timestamp(),
        expires_at=until + _REMOVED_AFTER,
    )
    return save_if(row, condition)


def release(*, name: str, holder: str) -> None:
    """Give the lease back, if it is still one's own."""
    delete_if(LeaseRow(LeaseRow.PK, name), LeaseRow.holder == holder)


def extend(*, name: str, run: str, now: datetime, seconds: float) -> bool:
    """Make the lease of a run last longer, whichever of its processes has it; False without one."""
    row = LeaseRow(LeaseRow.PK, name)
    until = now + timedelta(seconds=seconds)
    own = LeaseRow.holder.startswith(run)
    return held(
        lambda: row.update(
            actions=[
                LeaseRow.runs_out_at.set(until.timestamp()),
                LeaseRow.expires_at.set(until + _REMOVED_AFTER),
            ],
            condition=own,
        )
    )


def release_run(*, name: str, run: str) -> None:
    """Give the lease of a run back, whichever of its processes has it."""
    delete_if(LeaseRow(LeaseRow.PK, name), LeaseRow.holder.startswith(run))
