"""The job that exports to S3."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings

from core.validation import InvalidInputError, validate
from recommendations.exporting import s3
from recommendations.exporting.files import encode, file_name
from recommendations.exporting.parameters import ExportParameters
from recommendations.exporting.rows import Row, rows
from recommendations.services.jobs import JobError, Progress

_REPORTED_AT_ONCE = 500
# So much of the function's time is kept for the last part and the record.
_RESERVE_SECONDS = 30


def export(progress: Progress, *, deadline: float | None) -> dict[str, Any]:
    """Write an export to S3; return where it is, its rows and its size.

    Parameters
    ----------
    progress
        Of a job whose parameters are those of `ExportParameters`.
    deadline
        When this process ends, as `time.monotonic` counts; None for never.

    Raises
    ------
    JobError
        When the parameters are wrong, no bucket is set, or the time is not enough. No file is
        left behind then.
    """
    if not settings.EXPORT_BUCKET:
        message = "no bucket is set for exports; set EXPORT_BUCKET, see docs/operations.md"
        raise JobError(message)
    try:
        wanted = validate(ExportParameters, progress.job.parameters)
    except InvalidInputError as error:
        message = f"the parameters of an export are kind and format: {error}"
        raise JobError(message) from error
    progress.step(f"exporting {wanted.kind}", progress=0.1)
    counted = _counted(rows(wanted.kind), progress, deadline)
    content = encode(counted, kind=wanted.kind, form=wanted.format)
    name = file_name(wanted.kind, wanted.format)
    key = f"{s3.PREFIX}{progress.job.job_id}/{name}.gz"
    size = s3.upload(content, key=key)
    return {"key": key, "rows": progress.job.rows, "bytes": size}


def _counted(found: Iterable[Row], progress: Progress, deadline: float | None) -> Iterator[Row]:
    count = 0
    for row in found:
        yield row
        count += 1
        if count % _REPORTED_AT_ONCE == 0:
            progress.rows(_REPORTED_AT_ONCE)
            if deadline is not None and time.monotonic() > deadline - _RESERVE_SECONDS:
                message = (
                    "there is more to export than this function has time for; "
                    "run 'manage.py export' on a machine instead"
                )
                raise JobError(message)
    progress.rows(count % _REPORTED_AT_ONCE)
