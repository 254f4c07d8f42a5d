"""The static files of a deployment: collected for the package, or sent to a bucket."""

import mimetypes
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from project.aws.archive import remove
from project.aws.stages import StageError

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = "staticfiles.json"
# The name changes with the contents, so nobody needs to ask again.
FOR_EVER = "public, max-age=31536000, immutable"
# What packages bring along and no page of ours uses; and maps, which browsers only read for
# developers. Collected first, since styles and scripts name some of it.
_UNUSED = (
    "rest_framework",
    "drf_spectacular_sidecar/redoc",
    "drf_spectacular_sidecar/swagger-ui-dist/*standalone-preset*",
    "**/*.map",
    "**/*.map.*",
)


def collect(target: Path) -> None:
    """Gather the static files of all apps under hashed names, compressed beside the plain ones."""
    environment = {
        **os.environ,
        "SECRET_KEY": "collecting static files needs no secret",
        "SECRET_KEY_PARAMETER": "",
        "STATIC_HASHED": "true",
        "STATIC_ROOT": str(target),
    }
    environment.pop("ZAPPA_STAGE", None)
    command = [sys.executable, str(ROOT / "manage.py"), "collectstatic", "--no-input", "-v", "0"]
    subprocess.run(command, check=True, env=environment, cwd=ROOT)  # noqa: S603  # our own program
    remove(path for pattern in _UNUSED for path in target.glob(pattern))


def upload(folder: Path, *, bucket: str, prefix: str, region: str) -> int:
    """Send collected files to a bucket; return how many were not there yet.

    Files of earlier versions stay, for pages that are open and for going back.

    Parameters
    ----------
    prefix
        What stands before their names, such as ``static/``.

    Raises
    ------
    StageError
        When there is no such bucket, or this account may not write to it.
    """
    client = boto3.client("s3", region_name=region)
    try:
        there = set(_names(client, bucket, prefix))
        missing = [
            file
            for file in sorted(folder.rglob("*"))
            if file.is_file()
            and file.suffix not in {".gz", ".br"}
            and file.name != MANIFEST
            and prefix + file.relative_to(folder).as_posix() not in there
        ]
        with ThreadPoolExecutor(8) as pool:
            keys = [prefix + file.relative_to(folder).as_posix() for file in missing]
            list(pool.map(lambda file, key: _put(client, bucket, key, file), missing, keys))
    except ClientError as error:
        reason = error.response["Error"]["Code"]
        message = f"bucket {bucket}: {reason}; create it, or choose another STATIC_BUCKET"
        raise StageError(message) from error
    return len(missing)


def _names(client: Any, bucket: str, prefix: str) -> Iterator[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        yield from (found["Key"] for found in page.get("Contents", ()))


def _put(client: Any, bucket: str, key: str, file: Path) -> None:
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    headers = {"ContentType": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind}
    # A bucket cannot choose what the browser takes, and all browsers take gzip.
    compressed = file.with_name(f"{file.name}.gz")
    if compressed.exists():
        headers["ContentEncoding"] = "gzip"
    body = (compressed if compressed.exists() else file).read_bytes()
    client.put_object(Bucket=bucket, Key=key, Body=body, CacheControl=FOR_EVER, **headers)
