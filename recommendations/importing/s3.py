"""Files to import in S3: sent there by the browser, read from there in ranges."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from core.aws import signing_s3
from core.dynamodb.errors import error_code
from recommendations.importing.sources import SourceError

PREFIX = "imports/"
# What one form may send; S3 takes no more in one piece.
MAX_BYTES = 5 * 1024**3
FORM_SECONDS = 3600
_RANGE_BYTES = 4 * 1024**2
_NOT_THERE = frozenset(
    {"404", "403", "AccessDenied", "NoSuchKey", "NotFound", "412", "PreconditionFailed"}
)


@dataclass(frozen=True, slots=True)
class UploadForm:
    """A form that sends a file straight to S3.

    Attributes
    ----------
    url, fields
        Where it goes, and what goes with the file.
    origin
        What a page's policy must let its forms go to.
    """

    url: str
    fields: dict[str, str]

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def upload_form(*, upload_id: str, then: str) -> UploadForm:
    """Return a form for one file of at most 5 GB, good for an hour.

    Parameters
    ----------
    upload_id
        Told apart from all others; the file lies below it, under its own name.
    then
        The address that the browser goes to afterwards; S3 adds the file's ``key``.
    """
    key = f"{PREFIX}{upload_id}/${{filename}}"
    form: dict[str, Any] = signing_s3().generate_presigned_post(
        settings.EXPORT_BUCKET,
        key,
        Fields={"success_action_redirect": then},
        Conditions=[
            {"success_action_redirect": then},
            ["content-length-range", 1, MAX_BYTES],
        ],
        ExpiresIn=FORM_SECONDS,
    )
    return UploadForm(form["url"], form["fields"])


def put(path: Path, *, key: str) -> None:
    """Store a file of our own beside those to import."""
    boto3.client("s3").upload_file(str(path), settings.EXPORT_BUCKET, key)


def get(key: str) -> bytes:
    """Return the content of a small file.

    Raises
    ------
    SourceError
        When it is not there.
    """
    return S3File(key).read()


def _problem(error: Exception) -> SourceError:
    name = error_code(error) or type(error).__name__
    if name in _NOT_THERE:
        return SourceError("this file is no longer there; upload it again")
    return SourceError(f"S3 did not give the file ({name}); try again")


class S3File(io.RawIOBase):
    """A file in S3, read range by range: a slow reader holds no connection open.

    Attributes
    ----------
    size
        In bytes.

    Raises
    ------
    SourceError
        When it is not there, or changes while it is read.
    """

    def __init__(self, key: str, *, range_bytes: int = _RANGE_BYTES) -> None:
        self._where = {"Bucket": settings.EXPORT_BUCKET, "Key": key}
        self._s3 = boto3.client("s3")
        self._range_bytes = range_bytes
        self._position = 0
        self._part = b""
        self._part_start = 0
        try:
            head = self._s3.head_object(**self._where)
        except (BotoCoreError, ClientError) as error:
            raise _problem(error) from error
        self.size: int = head["ContentLength"]
        self._where["IfMatch"] = head["ETag"]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._position >= self.size:
            return 0
        offset = self._position - self._part_start
        if not 0 <= offset < len(self._part):
            self._fetch()
            offset = 0
        part = self._part[offset : offset + len(buffer)]
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _fetch(self) -> None:
        start = self._position
        end = min(start + self._range_bytes, self.size) - 1
        try:
            answer = self._s3.get_object(**self._where, Range=f"bytes={start}-{end}")
        except (BotoCoreError, ClientError) as error:
            raise _problem(error) from error
        self._part, self._part_start = answer["Body"].read(), start
