"""Jobs and the leases that keep two runs of one job apart."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pynamodb.expressions.condition import Condition

from core.dynamodb.conditions import delete_if, held, save_if
from core.pages import Page, page_of
from recommendations.models import JobRow, LeaseRow

_REMOVED_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A run of a job.

    Attributes
    ----------
    state
        ``queued``, ``running``, ``succeeded`` or ``failed``.
    parameters
        What its work was told, as which rows to export.
    step, progress, rows
        What it is doing, how far it is (0 to 1), and the rows handled so far.
    execution
        The execution of a state machine that runs it, by its ARN; None for one in one process.
    heartbeat_at
        When it was last known to be alive; ISO 8601, as all its times.
    cost
        DynamoDB's ``read_units``, ``write_units`` and ``round_trips`` that it consumed.
    """

    job_id: str
    name: str
    state: str
    started_by: str
    created_at: str
    step: str = ""
    progress: float = 0.0
    rows: int = 0
    heartbeat_at: str | None = None
    finished_at: str | None = None
    execution: str | None = None
    error: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)


def _from_row(row: JobRow) -> Job:
    return Job(
        job_id=row.sk,
        name=row.name,
        state=row.state,
        started_by=row.started_by,
        created_at=row.created_at,
        step=row.step,
        progress=float(row.progress),
        rows=int(row.rows),
        heartbeat_at=row.heartbeat_at,
        finished_at=row.finished_at,
        execution=row.execution,
        error=row.error,
        parameters=row.parameters or {},
        cost=row.cost or {},
        result=row.result or {},
    )


def save(job: Job) -> None:
    """Store the state of a job."""
    _to_row(job).save()


def begin(job: Job) -> bool:
    """Store the state of a job that was queued until now; False when it no longer is."""
    return save_if(_to_row(job), JobRow.state == "queued")


def beat(*, job_id: str, at: str) -> None:
    """Note that a running job is alive; the rest of its row stays as it is."""
    JobRow(JobRow.PK, job_id).update(actions=[JobRow.heartbeat_at.set(at)])


def count(*, job_id: str, rows: int, at: str) -> None:
    """Add rows handled to a running job, which others add to at the same time."""
    row = JobRow(JobRow.PK, job_id)
    row.update(actions=[JobRow.rows.add(rows), JobRow.heartbeat_at.set(at)])


def _to_row(job: Job) -> JobRow:
    return JobRow(
        JobRow.PK,
        job.job_id,
        name=job.name,
        state=job.state,
        step=job.step,
        progress=job.progress,
        rows=job.rows,
        started_by=job.started_by,
        created_at=job.created_at,
        heartbeat_at=job.heartbeat_at,
        finished_at=job.finished_at,
        execution=job.execution,
        error=job.error,
        parameters=job.parameters or None,
        cost=job.cost,
        result=job.result,
    )


def find(*, job_id: str) -> Job | None:
    """Return one job, or None."""
    row = JobRow.load(JobRow.PK, job_id, consistent=True)
    return None if row is None else _from_row(row)


def listing(*, limit: int, position: str | None = None) -> Page[Job]:
    """Return jobs, newest first."""
    rows = list(
        JobRow.query(
            JobRow.PK,
            None if position is None else JobRow.sk < position,
            scan_index_forward=False,
            limit=limit + 1,
        )
    )
    return page_of(rows, limit=limit, entity=_from_row, position=lambda row: row.sk)


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
    longer = LeaseRow.expires_at.set(now + timedelta(seconds=seconds))
    own = LeaseRow.holder.startswith(run)
    return held(lambda: row.update(actions=[longer], condition=own))


def release_run(*, name: str, run: str) -> None:
    """Give the lease of a run back, whichever of its processes has it."""
    delete_if(LeaseRow(LeaseRow.PK, name), LeaseRow.holder.startswith(run))
