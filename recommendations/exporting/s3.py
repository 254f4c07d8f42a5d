"""Exports of any size as compressed files in S3, sent in parts while they are made."""

import io
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import boto3
from django.conf import settings

from core.aws import signing_s3

PREFIX = "exports/"
LINK_SECONDS = 15 * 60
# What is in memory at a time; S3 takes 10,000 parts, so 80 GB compressed.
_PART_BYTES = 8 * 1024**2
_GZIP = 16 + zlib.MAX_WBITS


class _Compressed(io.RawIOBase):
    """A readable file of what an iterator yields, compressed on the way."""

    def __init__(self, content: Iterable[bytes]) -> None:
        self._parts = self._compress(content)
        self._left = b""
        self.size = 0

    @staticmethod
    def _compress(content: Iterable[bytes]) -> Iterator[bytes]:
        packer = zlib.compressobj(wbits=_GZIP)
        for part in content:
            if packed := packer.compress(part):
                yield packed
        yield packer.flush()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = next(self._parts, b"")
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        self.size += count
        return count


def upload(content: Iterable[bytes], *, key: str) -> int:
    """Store a file, compressed; return its size in bytes. Nothing is stored when this raises."""
    # Imported here: the API links to exports, and has no use for it.
    from boto3.s3.transfer import TransferConfig

    compressed = _Compressed(content)
    boto3.client("s3").upload_fileobj(
        io.BufferedReader(compressed, _PART_BYTES),
        settings.EXPORT_BUCKET,
        key,
        ExtraArgs={"ContentType": "application/gzip"},
        Config=TransferConfig(
            multipart_threshold=_PART_BYTES,
            multipart_chunksize=_PART_BYTES,
            # In this thread, whose consumption of DynamoDB is counted.
            use_threads=False,
        ),
    )
    return compressed.size


def link(key: str) -> str:
    """Return an address from which anybody may download a file for 15 minutes."""
    name = key.rpartition("/")[2]
    address: str = signing_s3().generate_presigned_url(
        "get_object",
        Params={
            "Bucket": settings.EXPORT_BUCKET,
            "Key": key,
            "ResponseContentDisposition": f'attachment; filename="{name}"',
        },
        ExpiresIn=LINK_SECONDS,
    )
    return address
