"""The daily clean-up: what nobody needs any more and no time to live removes.

Each part of it is bounded, and what is left over is found again by the next run.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from recommendations.services import versions
from recommendations.services.jobs import JobRunningError, find, is_active
from recommendations.services.leases import Lease, held
from recommendations.services.progress import Progress
from recommendations.storage import artifacts, pruning
from recommendations.storage import jobs as job_storage
from recommendations.storage import versions as version_storage

JOBS_KEPT = timedelta(days=90)
VERSIONS_KEPT = timedelta(days=365)
#: How long files are kept, by how their keys begin; the bucket's own rules do the same.
FILES_KEPT = {
    "exports/": timedelta(days=7),
    "imports/": timedelta(days=7),
    artifacts.PREFIX: timedelta(days=artifacts.KEPT_DAYS),
}
_RECORDS_AT_ONCE = 1_000
_FILES_AT_ONCE = 10_000
_ROWS_AT_ONCE = 100_000
_RESERVE_SECONDS = 30.0


def clean(
    progress: Progress,
    *,
    deadline: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Remove what is out of date; return how much of what.

    Parameters
    ----------
    progress
        What the job reports through.
    deadline
        On the clock; the run stops half a minute before, and the next one goes on from there.

    Returns
    -------
    dict
        How many ``versions`` of dead runs and old ones were given up, ``neighbour_rows`` were
        shortened or removed, ``jobs`` and ``files`` were removed, and ``unfinished``: what is left
        for the next run.
    """
    now = now or datetime.now(UTC)
    removed: Counter[str] = Counter(versions=0, neighbour_rows=0, jobs=0, files=0)
    unfinished: list[str] = []
    progress.step("removing old records", progress=0.05)
    removed["jobs"] += job_storage.delete_ended(before=now - JOBS_KEPT, limit=_RECORDS_AT_ONCE)
    removed["versions"] += version_storage.delete_retired(
        before=now - VERSIONS_KEPT, limit=_RECORDS_AT_ONCE
    )
    if settings.EXPORT_BUCKET:
        progress.step("removing old files", progress=0.2)
        removed["files"] += _files(now=now)
    progress.step("removing what no version needs", progress=0.4)
    # Nobody may write rows of a version meanwhile.
    lease = Lease(replace(progress.job, name="train"))
    try:
        with held(lease, name="train", on_end=lease.release):
            removed["versions"] += versions.retire_old()
            enough = None if deadline is None else deadline - _RESERVE_SECONDS

            def go_on() -> bool:
                lease.check(renew=True)
                return enough is None or clock() < enough

            if not _neighbours(progress, removed, go_on=go_on):
                unfinished.append("neighbour rows")
    except JobRunningError:
        unfinished += ["versions", "neighbour rows"]
        progress.note("a training is running; its versions and rows wait for the next clean-up")
    for what, count in removed.items():
        progress.note(f"removed: {count} {what.replace('_', ' ')}")
    return {**removed, "unfinished": unfinished}


def _files(*, now: datetime) -> int:
    old = []
    for prefix, kept in FILES_KEPT.items():
        for key, written in artifacts.listing(prefix=prefix):
            if written < now - kept:
                old.append(key)
            if len(old) >= _FILES_AT_ONCE:
                break
    return artifacts.remove(old) + _handed_on_by_the_dead()


def _handed_on_by_the_dead() -> int:
    """Remove what runs have handed on that have ended without removing it."""
    runs = {key.split("/")[1] for key, _ in artifacts.listing(prefix=artifacts.PREFIX)}
    jobs = {run: find(job_id=run) for run in sorted(runs)}
    return sum(
        artifacts.delete(run=run) for run, job in jobs.items() if job is None or not is_active(job)
    )


def _neighbours(progress: Progress, removed: Counter[str], *, go_on: Callable[[], bool]) -> bool:
    """Go on through the neighbour rows where the last run stopped; tell whether it is the end."""
    kept = [each.version for each in versions.retained()]
    if not kept:
        return True
    position = pruning.position()
    looked_at = 0
    while go_on() and looked_at < _ROWS_AT_ONCE:
        page = pruning.prune(retained=kept, after=position)
        position = page.position
        pruning.keep_position(position)
        removed["neighbour_rows"] += page.changed
        looked_at += page.rows
        progress.rows(page.rows)
        if position is None:
            return True
    return False
