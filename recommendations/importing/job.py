"""The job that imports a file from S3."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from django.conf import settings

from core.validation import InvalidInputError, validate
from recommendations.importing import corrections, s3
from recommendations.importing.corrections import Rejected, Report
from recommendations.importing.parameters import ImportParameters
from recommendations.importing.records import Record
from recommendations.importing.rejects import Reject
from recommendations.importing.runner import Plan, StoppedError, Summary, records, run
from recommendations.importing.sources import Source, SourceError
from recommendations.services.jobs import JobError, Progress

# So much of the function's time is kept for the rejected rows and the record.
_RESERVE_SECONDS = 90


def import_file(progress: Progress, *, deadline: float | None) -> dict[str, Any]:
    """Import a file, or check it; return how many rows were stored and rejected.

    Parameters
    ----------
    progress
        Of a job whose parameters are those of `ImportParameters`.
    deadline
        When this process ends, as `time.monotonic` counts; None for never.

    Raises
    ------
    JobError
        When the file cannot be read, or DynamoDB or the time was not enough; the record says how
        far it came.
    """
    if not settings.EXPORT_BUCKET:
        message = "no bucket is set for imports; set EXPORT_BUCKET, see docs/operations.md"
        raise JobError(message)
    try:
        wanted = validate(ImportParameters, progress.job.parameters)
        plan = wanted.plan()
    except (InvalidInputError, SourceError) as error:
        message = f"the import does not say what to do: {error}"
        raise JobError(message) from error
    progress.step("checking rows" if wanted.dry_run else "importing", progress=0.0)
    rejected = Rejected()
    try:
        summary = _run(wanted, plan, rejected, progress, deadline)
        found = _facts(summary)
        if rejected.count:
            progress.step("gathering rejected rows", progress=0.95)
            # A run that is cut short leaves none: the next one checks all rows again.
            found |= _store(rejected, wanted, plan, progress=progress)
    except (SourceError, StoppedError) as error:
        raise JobError(str(error)) from error
    return {**progress.job.result, **found}


def _run(
    wanted: ImportParameters,
    plan: Plan,
    rejected: Rejected,
    progress: Progress,
    deadline: float | None,
) -> Summary:
    source = _open(wanted)
    size = max(1, source.size or 1)
    handled = 0

    def follow(position: int, summary: Summary) -> None:
        nonlocal handled
        progress.keep(_facts(summary))
        total = summary.stored + summary.rejected
        progress.rows(total - handled, progress=min(0.95, 0.95 * position / size))
        handled = total
        if deadline is not None and time.monotonic() > deadline - _RESERVE_SECONDS:
            message = (
                f"there was no more time after line {summary.last_line}; run it again, and it "
                "goes on from there"
            )
            raise JobError(message)

    summary = run(source, plan, on_reject=rejected.add, progress=follow)
    progress.keep({"unused": list(summary.unused)})
    return summary


def _facts(summary: Summary) -> dict[str, Any]:
    return {
        "stored": summary.stored,
        "rejected": summary.rejected,
        "last_line": summary.last_line,
    }


def _open(wanted: ImportParameters) -> Source:
    file = s3.S3File(wanted.key)
    return Source(wanted.name, file=file, size=file.size)


def _store(
    rejected: Rejected, wanted: ImportParameters, plan: Plan, *, progress: Progress
) -> dict[str, Any]:
    """Put what was rejected beside the file; return where."""
    name = PurePosixPath(wanted.name.removesuffix(".gz")).stem
    folder = f"{s3.PREFIX}{progress.job.job_id}"
    rows_key = f"{folder}/{name}.rejects.{wanted.format}"
    report_key = f"{folder}/problems.json"
    with tempfile.TemporaryDirectory(prefix="alsobought-import-") as directory:
        path = Path(directory) / "file"
        with path.open("wb") as target, _open(wanted) as source:
            count = corrections.write(
                target,
                rejected,
                _watched(records(source, plan), progress),
                head=_open(wanted),
                form=wanted.format,
            )
        size = path.stat().st_size
        s3.put(path, key=rows_key)
        path.write_bytes(msgspec.json.encode(rejected.report()))
        s3.put(path, key=report_key)
    return {
        "rejects": {"key": rows_key, "rows": count, "bytes": size},
        "problems": report_key,
    }


def _watched(found: Iterator[Record | Reject], progress: Progress) -> Iterator[Record | Reject]:
    """Yield rows, and stop when the job is cancelled."""
    for number, record in enumerate(found):
        if number % 10_000 == 0:
            progress.rows(0)
        yield record


def report(key: str) -> Report:
    """Return what an import rejected.

    Raises
    ------
    SourceError
        When its file is no longer there.
    """
    return msgspec.json.decode(s3.get(key), type=Report)
