"""What the steps of a run hand to each other: files in S3 under the name of the run.

They hold what was read of the events, so the bucket is private, each run removes its own at its
end, and what a run that died has left goes with the daily clean-up or the bucket's lifecycle rule.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import IO, Any

import boto3
from django.conf import settings

PREFIX = "training/"
KEPT_DAYS = 2
_DELETED_AT_ONCE = 1000


def save(*, run: str, name: str, content: bytes | IO[bytes]) -> None:
    """Store a file, in place of one of that name."""
    _client().put_object(Bucket=settings.EXPORT_BUCKET, Key=key(run=run, name=name), Body=content)


def load(*, run: str, name: str) -> bytes:
    """Return a file.

    Raises
    ------
    botocore.exceptions.ClientError
        When there is none, with the code ``NoSuchKey``.
    """
    answer = _client().get_object(Bucket=settings.EXPORT_BUCKET, Key=key(run=run, name=name))
    content: bytes = answer["Body"].read()
    return content


def key(*, run: str, name: str) -> str:
    """Return where a file lies in the bucket."""
    return f"{PREFIX}{run}/{name}"


def delete(*, run: str) -> int:
    """Remove all files of a run; return how many there were."""
    return remove([each for each, _ in listing(prefix=f"{PREFIX}{run}/")])


def listing(*, prefix: str) -> Iterator[tuple[str, datetime]]:
    """Yield the keys below a prefix, and when each was last written."""
    pages = _client().get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=settings.EXPORT_BUCKET, Prefix=prefix):
        for found in page.get("Contents", ()):
            yield found["Key"], found["LastModified"]


def remove(keys: list[str]) -> int:
    """Remove files by their keys; return how many."""
    for start in range(0, len(keys), _DELETED_AT_ONCE):
        part = [{"Key": each} for each in keys[start : start + _DELETED_AT_ONCE]]
        answer = _client().delete_objects(
            Bucket=settings.EXPORT_BUCKET, Delete={"Objects": part, "Quiet": True}
        )
        if answer.get("Errors"):
            first = answer["Errors"][0]
            message = f"{len(answer['Errors'])} files were not removed: {first['Code']}"
            raise OSError(message)
    return len(keys)


@cache
def _client() -> Any:
    return boto3.client("s3")
