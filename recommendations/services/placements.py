"""Placements: configure what is shown under a name, and answer under it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from core.pages import Page
from core.validation import InvalidInputError, to_iso
from recommendations.placements import Placement
from recommendations.storage import placements as storage
from recommendations.storage.placements import KEPT_VERSIONS, StoredPlacement, Version

__all__ = [
    "KEPT_VERSIONS",
    "Change",
    "ContendedPlacementError",
    "PlacementChangedError",
    "StoredPlacement",
    "UnknownVersionError",
    "Version",
    "delete",
    "find",
    "find_version",
    "history",
    "listing",
    "revert",
    "save",
]

_TRIES = 5
# Every request for a placement reads all of it: 16 KB are 2 read units.
_LARGEST = 16 * 1024
_CONTENDED = "others keep changing this placement; try again"


class PlacementChangedError(Exception):
    """Another version than the one looked at serves by now; look at it and change it again."""


class ContendedPlacementError(Exception):
    """Others kept changing the placement at every try; the same call may succeed later."""


class UnknownVersionError(LookupError):
    """There is no such version of the placement any more, or it was a deletion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What served before and what serves now; None for nothing."""

    before: StoredPlacement | None
    after: StoredPlacement | None

    def differences(self) -> dict[str, dict[str, Any]]:
        """Return the fields that differ, as ``before`` and ``after``, for the audit."""
        old, new = (
            {} if each is None else msgspec.to_builtins(each.placement, order="deterministic")
            for each in (self.before, self.after)
        )
        names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        return {
            "before": {name: old[name] for name in names if name in old},
            "after": {name: new[name] for name in names if name in new},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved(Change):
    """A change after which a placement serves."""

    after: StoredPlacement


def find(*, name: str) -> StoredPlacement | None:
    """Return the placement that serves under a name, or None."""
    return storage.find(name=name)


def listing(*, limit: int, position: Any = None, prefix: str = "") -> Page[StoredPlacement]:
    """Return placements whose name begins with a prefix, in order of name."""
    return storage.listing(limit=limit, position=position, prefix=prefix)


def history(*, name: str, limit: int, position: Any = None) -> Page[Version]:
    """Return the versions of a placement, newest first, the last 50; also after its deletion."""
    return storage.history(name=name, limit=limit, position=position)


def find_version(*, name: str, number: int) -> Version | None:
    """Return one version of a placement, or None."""
    return storage.find_version(name=name, number=number)


def save(*, placement: Placement, by: str, replaces: int | None = None, note: str = "") -> Saved:
    """Let a placement serve from the next request on; the same content again changes nothing.

    Parameters
    ----------
    replaces
        The number of the version that was looked at, 0 for none; whatever is there when omitted.

    Raises
    ------
    InvalidInputError
        When it is too large.
    PlacementChangedError
        When another version serves by now.
    ContendedPlacementError
    """
    size = len(msgspec.json.encode(placement))
    if size > _LARGEST:
        text = f"This placement has {size // 1024} KB; leave out rules until it has 16 KB at most."
        raise InvalidInputError({"rules": [text]})

    for current in _attempts(placement.name, replaces):
        if current is not None and current.placement == placement:
            return Saved(before=current, after=current)
        version = StoredPlacement(
            number=_next_number(placement.name, current),
            placement=placement,
            saved_at=to_iso(datetime.now(UTC)),
            saved_by=by,
            note=note,
        )
        if storage.save(version, replaces=None if current is None else current.number):
            return Saved(before=current, after=version)
    raise ContendedPlacementError(_CONTENDED)


def revert(*, name: str, number: int, by: str, replaces: int | None = None) -> Saved:
    """Bring an earlier version back, as a new one; also after the placement was deleted.

    Raises
    ------
    UnknownVersionError
    PlacementChangedError
    ContendedPlacementError
    """
    version = storage.find_version(name=name, number=number)
    if version is None or version.placement is None:
        message = f"there is no version {number} of this placement to go back to"
        raise UnknownVersionError(message)
    return save(
        placement=version.placement, by=by, replaces=replaces, note=f"version {number} again"
    )


def delete(*, name: str, by: str, replaces: int | None = None) -> Change:
    """Let a placement serve no longer; nothing changes where there is none.

    Raises
    ------
    PlacementChangedError
    ContendedPlacementError
    """

    for current in _attempts(name, replaces):
        if current is None:
            return Change(before=None, after=None)
        version = Version(
            number=current.number + 1,
            placement=None,
            saved_at=to_iso(datetime.now(UTC)),
            saved_by=by,
        )
        if storage.delete(version, name=name, replaces=current.number):
            return Change(before=current, after=None)
    raise ContendedPlacementError(_CONTENDED)


def _attempts(name: str, replaces: int | None) -> Iterator[StoredPlacement | None]:
    """Yield what serves, each time anew, as long as it is what was looked at."""
    for _ in range(_TRIES):
        current = storage.find(name=name)
        if replaces is not None and replaces != (0 if current is None else current.number):
            message = "somebody else has changed this placement; look at it and change it again"
            raise PlacementChangedError(message)
        yield current


def _next_number(name: str, current: StoredPlacement | None) -> int:
    if current is not None:
        return current.number + 1
    newest = storage.history(name=name, limit=1).rows
    return newest[0].number + 1 if newest else 1
