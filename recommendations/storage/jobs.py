"""Jobs: their records, and how each ended last."""

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pynamodb.expressions.update import Action

from core.dynamodb.batch import Delete, write_all
from core.dynamodb.conditions import held, save_if
from core.pages import Page, page_of
from recommendations.models import JobRow, LastRunRow

# Rows that one page of a narrowed list looks at.
_LOOKED_AT = 250


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a job's log: when (ISO 8601), how bad (info, warning, error), and what."""

    at: str
    level: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A run of a job.

    Attributes
    ----------
    state
        ``queued``, ``running``, ``succeeded``, ``failed`` or ``cancelled``.
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
    log
        The newest lines: steps, warnings, and the error or the end.
    cancelled_by
        Who wants it to stop; while it still runs it stops at its next report.
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
    log: tuple[LogLine, ...] = ()
    cancelled_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """How a job ended last; without ``job_id`` where no record is kept of such a run."""

    job_id: str | None
    state: str
    started_by: str
    created_at: str
    finished_at: str
    error: str | None


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
        log=tuple(LogLine(*line) for line in row.log or ()),
        cancelled_by=row.cancelled_by,
    )


def save(job: Job) -> None:
    """Store the state of a job."""
    _to_row(job).save()


def begin(job: Job) -> bool:
    """Store the state of a job that was queued until now; False when it no longer is."""
    return save_if(_to_row(job), JobRow.state == "queued")


def report(job: Job) -> bool:
    """Store how far a running job is; tell whether it is still wanted."""
    row = _to_row(job)
    return _update(
        job.job_id,
        JobRow.step.set(row.step),
        JobRow.progress.set(row.progress),
        JobRow.rows.set(row.rows),
        JobRow.heartbeat_at.set(row.heartbeat_at),
        JobRow.cost.set(row.cost),
        JobRow.result.set(row.result),
        JobRow.log.set(row.log),
    )


def beat(*, job_id: str, at: str) -> bool:
    """Note that a running job is alive; tell whether it is still wanted."""
    return _update(job_id, JobRow.heartbeat_at.set(at))


def _update(job_id: str, *actions: Action) -> bool:
    row = JobRow(JobRow.PK, job_id)
    # It answers with the whole row, so that nobody need read whether the job was cancelled.
    row.update(actions=list(actions))
    return row.cancelled_by is None


def cancel(*, job_id: str, by: str, at: str, states: Sequence[str]) -> bool:
    """End a job as cancelled; False when it is in none of these states."""
    row = JobRow(JobRow.PK, job_id)
    actions: list[Action] = [
        JobRow.state.set("cancelled"),
        JobRow.cancelled_by.set(by),
        JobRow.finished_at.set(at),
    ]
    return held(lambda: row.update(actions=actions, condition=JobRow.state.is_in(*states)))


def ask_to_stop(*, job_id: str, by: str) -> bool:
    """Note that a running job is no longer wanted; False when it does not run."""
    row = JobRow(JobRow.PK, job_id)
    return held(
        lambda: row.update(
            actions=[JobRow.cancelled_by.set(by)], condition=JobRow.state == "running"
        )
    )


def count(*, job_id: str, rows: int, at: str) -> None:
    """Add rows handled to a running job, which others add to at the same time."""
    row = JobRow(JobRow.PK, job_id)
    row.update(actions=[JobRow.rows.add(rows), JobRow.heartbeat_at.set(at)])


def note_error(*, job_id: str, error: str) -> None:
    """Note why a running job is about to fail."""
    JobRow(JobRow.PK, job_id).update(actions=[JobRow.error.set(error)])


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
        log=[[line.at, line.level, line.text] for line in job.log],
        cancelled_by=job.cancelled_by,
    )


def find(*, job_id: str) -> Job | None:
    """Return one job, or None."""
    row = JobRow.load(JobRow.PK, job_id, consistent=True)
    return None if row is None else _from_row(row)


def listing(
    *,
    name: str | None = None,
    states: Sequence[str] = (),
    limit: int,
    position: str | None = None,
) -> Page[Job]:
    """Return jobs, newest first; ``states`` are those to keep, all when empty.

    A narrowed page looks at 250 rows, and may end with fewer than were asked for.
    """
    conditions = [
        *([JobRow.name == name] if name else []),
        *([JobRow.state.is_in(*states)] if states else []),
    ]
    found = JobRow.query(
        JobRow.PK,
        None if position is None else JobRow.sk < position,
        functools.reduce(operator.and_, conditions) if conditions else None,
        scan_index_forward=False,
        limit=limit + 1,
        page_size=_LOOKED_AT if conditions else None,
    )
    if not conditions:
        return page_of(list(found), limit=limit, entity=_from_row, position=lambda row: row.sk)
    pages = found.page_iter
    rows = [JobRow.from_raw_data(item) for item in next(pages)["Items"]]
    page = page_of(rows, limit=limit, entity=_from_row, position=lambda row: row.sk)
    more = pages.last_evaluated_key
    return Page(page.rows, more["sk"]["S"]) if page.next is None and more else page


def delete_ended(*, before: datetime, limit: int) -> int:
    """Remove the records of jobs that have ended and began before a moment, oldest first."""
    rows = JobRow.query(JobRow.PK, JobRow.sk < f"{before.astimezone(UTC):%Y%m%d}", limit=limit)
    return write_all(Delete(JobRow, JobRow.PK, row.sk) for row in rows if row.finished_at)


def end(job: Job) -> None:
    """Store a job that has ended, also as the last of its name."""
    save(job)
    save_last(job)


def save_last(job: Job, *, recorded: bool = True) -> None:
    """Keep how a job ended, in place of how it ended before."""
    LastRunRow(
        LastRunRow.PK,
        job.name,
        job_id=job.job_id if recorded else None,
        state=job.state,
        started_by=job.started_by,
        created_at=job.created_at,
        finished_at=job.finished_at,
        error=job.error,
    ).save()


def last_runs() -> dict[str, LastRun]:
    """Return how each job ended last, by its name."""
    return {
        row.sk: LastRun(
            job_id=row.job_id,
            state=row.state,
            started_by=row.started_by,
            created_at=row.created_at,
            finished_at=row.finished_at,
            error=row.error,
        )
        for row in LastRunRow.query(LastRunRow.PK)
    }
