"""Model versions: look at them, publish one, roll back to one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from core.pages import Page
from recommendations.storage import versions as storage
from recommendations.storage.events import ALWAYS, Period
from recommendations.storage.versions import ModelVersion

__all__ = [
    "ModelVersion",
    "NotPublishableError",
    "find",
    "listing",
    "live",
    "publish",
    "publish_after",
    "retained",
    "retire_old",
    "withdraw",
]

KEPT = 3
_SCANNED = 100
_TRIES = 3
_GRACE = timedelta(days=1)


class NotPublishableError(ValueError):
    """The version is unknown, or not all of its rows are stored."""


def listing(*, limit: int, position: Any = None, period: Period = ALWAYS) -> Page[ModelVersion]:
    """Return versions that were made in a period, newest first."""
    return storage.listing(limit=limit, position=position, period=period)


def find(*, version: str) -> ModelVersion | None:
    """Return one version, or None."""
    return storage.find(version=version)


def live() -> str | None:
    """Return the version that serves, or None before the first publish."""
    return storage.live(consistent=True)


def publish(*, version: str) -> str | None:
    """Make a version live, a new one or an earlier one; return the one that was live before.

    Raises
    ------
    NotPublishableError
        When the version is unknown or incomplete; the live one keeps serving.
    """
    _require_publishable(version)
    for _ in range(_TRIES):
        before = storage.live(consistent=True)
        if before == version or _switch(to=version, before=before):
            return before
    message = "others keep switching the live version; look at what is live and try again"
    raise NotPublishableError(message)


def publish_after(*, version: str, before: str | None) -> bool:
    """Make a version live in place of the one it was compared with.

    Returns
    -------
    bool
        False when another one is live by now: whoever switched meanwhile had a reason.

    Raises
    ------
    NotPublishableError
        See `publish`.
    """
    _require_publishable(version)
    return _switch(to=version, before=before)


def _require_publishable(version: str) -> None:
    found = storage.find(version=version)
    if found is None:
        message = f"there is no model version {version}"
        raise NotPublishableError(message)
    if not found.is_publishable:
        message = f"model version {version} is {found.state}; only a complete one can be published"
        raise NotPublishableError(message)


def _switch(*, to: str, before: str | None) -> bool:
    if not storage.switch(to=to, expected=before):
        return False
    # `retire_old` marks a version before it looks at which one is live, and we look at the mark
    # after the switch: one of the two always sees the other.
    found = storage.find(version=to)
    if found is None or not found.is_publishable:
        storage.switch(to=before, expected=to)
        message = f"model version {to} has just been retired; publish a newer one"
        raise NotPublishableError(message)
    return True


def withdraw(*, version: str, to: str | None) -> bool:
    """Make another version live again, or none; tell whether this one still was."""
    return storage.switch(to=to, expected=version)


def retained() -> list[ModelVersion]:
    """Return the live version and the newest others that a person may go back to: three in all."""
    serving = live()
    complete = [record for record in storage.listing(limit=_SCANNED).rows if record.is_publishable]
    others = [record for record in complete if record.version != serving]
    return [record for record in complete if record.version == serving] + others[: KEPT - 1]


def retire_old() -> int:
    """Give up the versions that are not retained, and those of runs that never ended.

    Returns
    -------
    int
        How many they were.
    """
    kept = {record.version for record in retained()}
    old = [
        record
        for record in storage.listing(limit=_SCANNED).rows
        if record.version not in kept and record.state != "retired"
    ]
    for record in old:
        _retire(record)
    return len(old)


def _retire(record: ModelVersion) -> None:
    """Let the lists of a version expire, unless somebody has made it live meanwhile.

    Its neighbour rows go with the next version that writes them.
    """
    storage.save(replace(record, state="retired"))
    if live() == record.version:
        storage.save(record)
        return
    storage.expire_lists(record, at=datetime.now(UTC) + _GRACE)
