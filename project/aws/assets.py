"""The static files of a deployment: collected for the package, or sent to a bucket."""

import hashlib
import mimetypes
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from project.aws.archive import add_tree, remove
from project.aws.packages import CACHE
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


def collect_once(target: Path) -> None:
    """Do the same, from what is kept of the last time while nothing has changed.

    Compressing them takes longer than all else of a package.
    """
    kept = CACHE / f"static-{_digest()}.zip"
    if not kept.exists():
        collect(target)
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}")
        add_tree(target, partial)
        partial.rename(kept)
    else:
        with zipfile.ZipFile(kept) as archive:
            archive.extractall(target)


def _digest() -> str:
    """Return what changes with the files, ours and those of packages, or how they are made."""
    digest = hashlib.sha256((ROOT / "requirements" / "api.txt").read_bytes())
    made_by = [Path(__file__), ROOT / "project" / "static.py", ROOT / "project" / "settings.py"]
    ours = [*ROOT.glob("*/static/**/*"), *ROOT.glob("static/**/*")]
    for path in [*made_by, *sorted(ours)]:
        if path.is_file():
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


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
