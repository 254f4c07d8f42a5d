"""Releases of a function: published versions, and the alias that says which one serves.

API Gateway, the stream's mapping and those who start jobs call the alias. It moves only to a
version that has passed its check, so customers never meet one that has not.
"""

import base64
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from project.aws import check
from project.aws.packages import ROOT
from project.aws.stages import ALIAS, Stage, StageError

# How many releases can be gone back to; each takes the size of a package of Lambda's 75 GB.
KEPT = 5
_MARK = "release "
# What of a version's configuration makes it behave as it does, and may be set on another.
_CONFIGURATION = ("Handler", "MemorySize", "Role", "Runtime", "Timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A published version; ``code`` is the SHA-256 of its package in hexadecimal digits."""

    version: str
    revision: str
    published: str
    code: str
    serves: bool

    def __str__(self) -> str:
        return f"release {self.version} ({self.revision}, {self.published[:16].replace('T', ' ')})"


def history(stage: Stage) -> list[Release]:
    """Return the releases of a function, the newest first; none when it is not deployed."""
    client = _lambda(stage)
    serving = live(stage)
    found = []
    try:
        pages = client.get_paginator("list_versions_by_function").paginate(
            FunctionName=stage.function
        )
        for page in pages:
            for entry in page["Versions"]:
                text = entry.get("Description", "")
                if text.startswith(_MARK):
                    revision, _, published = text.removeprefix(_MARK).partition(" of ")
                    found.append(
                        Release(
                            version=entry["Version"],
                            revision=revision,
                            published=published,
                            code=_hexadecimal(entry["CodeSha256"]),
                            serves=entry["Version"] == serving,
                        )
                    )
    except client.exceptions.ResourceNotFoundException:
        return []
    return sorted(found, key=lambda release: int(release.version), reverse=True)


def live(stage: Stage) -> str | None:
    """Return the version that serves, or None while none does."""
    client = _lambda(stage)
    try:
        return str(client.get_alias(FunctionName=stage.function, Name=ALIAS)["FunctionVersion"])
    except client.exceptions.ResourceNotFoundException:
        return None


def begin(stage: Stage) -> None:
    """Publish the first version of a new function, for what is about to be told to call it."""
    if live(stage) is None:
        version = _publish(stage)
        _lambda(stage).create_alias(
            FunctionName=stage.function, Name=ALIAS, FunctionVersion=version
        )


def keep_package(stage: Stage, key: str) -> None:
    """Keep the package that was just deployed, under a name that tells its contents."""
    client = boto3.client("s3", region_name=stage.region)
    function = _lambda(stage).get_function_configuration(FunctionName=stage.function)
    client.copy(
        {"Bucket": stage.bucket, "Key": key},
        stage.bucket,
        _key(stage, _hexadecimal(function["CodeSha256"])),
    )
    client.delete_object(Bucket=stage.bucket, Key=key)


def roll_out(stage: Stage) -> str:
    """Publish what was deployed, check it, and let it serve; return its version.

    Raises
    ------
    StageError
        When it did not pass. What served before goes on, and is what unqualified calls reach.
    """
    before = live(stage)
    version = _publish(stage)
    problem = check.failing(stage, version, before=before)
    if problem:
        message = f"{stage.function}: version {version} did not pass its check: {problem}"
        if before is None or before == version:
            message += f"; see 'zappa tail {stage.name}', mend it and run 'zappa update'"
            raise StageError(message)
        restore(stage, before)
        # Nobody shall go back to it.
        _lambda(stage).delete_function(FunctionName=stage.function, Qualifier=version)
        message += f"; version {before} serves as before"
        raise StageError(message)
    if before is None:
        begin(stage)
    elif before != version:
        _serve(stage, version)
    _prune(stage)
    return version


def go_back(stage: Stage, version: str) -> None:
    """Let an earlier release serve again.

    Raises
    ------
    StageError
        When it does not pass its check; then nothing is changed.
    """
    problem = check.failing(stage, version, before=live(stage))
    if problem:
        message = f"{stage.function}: version {version} does not pass its check: {problem}"
        raise StageError(message)
    _serve(stage, version)
    restore(stage, version)


def previous(stage: Stage) -> Release | None:
    """Return the release before the one that serves."""
    serving = live(stage)
    if serving is None:
        return None
    return next((each for each in history(stage) if int(each.version) < int(serving)), None)


def restore(stage: Stage, version: str) -> None:
    """Give schedules and ``zappa invoke``, which call no version, a release's code and settings."""
    client = _lambda(stage)
    wanted = client.get_function_configuration(FunctionName=stage.function, Qualifier=version)
    key = _key(stage, _hexadecimal(wanted["CodeSha256"]))
    settled = client.get_waiter("function_updated_v2")
    settled.wait(FunctionName=stage.function)
    client.update_function_code(FunctionName=stage.function, S3Bucket=stage.bucket, S3Key=key)
    settled.wait(FunctionName=stage.function)
    client.update_function_configuration(
        FunctionName=stage.function,
        Environment={"Variables": wanted.get("Environment", {}).get("Variables", {})},
        **{name: wanted[name] for name in _CONFIGURATION},
    )
    settled.wait(FunctionName=stage.function)


def _serve(stage: Stage, version: str) -> None:
    _lambda(stage).update_alias(FunctionName=stage.function, Name=ALIAS, FunctionVersion=version)


def _publish(stage: Stage) -> str:
    client = _lambda(stage)
    client.get_waiter("function_updated_v2").wait(FunctionName=stage.function)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    published = client.publish_version(
        FunctionName=stage.function, Description=f"{_MARK}{_revision()} of {now}"
    )
    return str(published["Version"])


def _prune(stage: Stage) -> None:
    """Delete what nobody will go back to: old releases, and versions that Zappa publishes."""
    client = _lambda(stage)
    kept = history(stage)[:KEPT]
    versions = {release.version for release in kept} | {"$LATEST", live(stage)}
    pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=stage.function)
    for entry in [entry for page in pages for entry in page["Versions"]]:
        if entry["Version"] not in versions:
            client.delete_function(FunctionName=stage.function, Qualifier=entry["Version"])
    keys = {_key(stage, release.code) for release in kept}
    s3 = boto3.client("s3", region_name=stage.region)
    for page in s3.get_paginator("list_objects_v2").paginate(
        Bucket=stage.bucket, Prefix=f"{PREFIX}{stage.function}/"
    ):
        for entry in page.get("Contents", ()):
            if entry["Key"] not in keys:
                s3.delete_object(Bucket=stage.bucket, Key=entry["Key"])


PREFIX = "releases/"


def _key(stage: Stage, code: str) -> str:
    return f"{PREFIX}{stage.function}/{code}.zip"


def _hexadecimal(digest: str) -> str:
    return base64.b64decode(digest).hex()


def _revision() -> str:
    """Return what git calls the code that is deployed; "unknown" outside of a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--tags"]
    try:
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()


def _lambda(stage: Stage) -> Any:
    return boto3.client("lambda", region_name=stage.region)
