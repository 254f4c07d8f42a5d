"""Placements: the one of each name that serves, and the versions it went through."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from pynamodb.transactions import TransactWrite

from core.dynamodb.batch import Get
from core.dynamodb.conditions import held
from core.dynamodb.connection import connection
from core.dynamodb.sharded import LAST, NEXT
from core.pages import Page, page_of
from core.validation import validate
from recommendations.models import PlacementRow, PlacementVersionRow
from recommendations.placements import Placement

KEPT_VERSIONS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A placement as it was saved.

    Attributes
    ----------
    number
        Grows with each change, also over a deletion.
    placement
        None when the change was to delete it.
    saved_at, saved_by
        When, in ISO 8601, and by whom.
    note
        What the change was for, such as that it brought an earlier version back.
    """

    number: int
    placement: Placement | None
    saved_at: str
    saved_by: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlacement(Version):
    """The version that serves."""

    placement: Placement


def get(name: str) -> Get:
    """Return where the placement that serves under a name is, for reading it among others."""
    return Get(PlacementRow, PlacementRow.PK, name)


def from_row(row: object) -> StoredPlacement | None:
    """Return what `get` found."""
    if not isinstance(row, PlacementRow):
        return None
    return StoredPlacement(
        number=int(row.number),
        placement=_placement(row.sk, row.content),
        saved_at=row.saved_at,
        saved_by=row.saved_by,
    )


def _placement(name: str, content: Mapping[str, Any]) -> Placement:
    return validate(Placement, {**content, "name": name})


def _content(placement: Placement) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(placement, order="deterministic")
    del content["name"]
    return content


def _history(name: str) -> str:
    return f"{PlacementRow.PK}#{name}"


def _key(number: int) -> str:
    return f"{number:08d}"


def find(*, name: str) -> StoredPlacement | None:
    """Return the placement that serves under a name, or None."""
    return from_row(PlacementRow.load(PlacementRow.PK, name, consistent=True))


def listing(*, limit: int, position: str | None = None, prefix: str = "") -> Page[StoredPlacement]:
    """Return placements whose name begins with a prefix, in order of name."""
    first = prefix or NEXT if position is None else position + NEXT
    rows = [
        found
        for row in PlacementRow.query(
            PlacementRow.PK, PlacementRow.sk.between(first, prefix + LAST), limit=limit + 1
        )
        if (found := from_row(row)) is not None
    ]
    return page_of(
        rows, limit=limit, entity=lambda row: row, position=lambda row: row.placement.name
    )


def history(*, name: str, limit: int, position: str | None = None) -> Page[Version]:
    """Return the versions of a placement, newest first; also those before it was deleted."""
    rows = list(
        PlacementVersionRow.query(
            _history(name),
            None if position is None else PlacementVersionRow.sk < position,
            scan_index_forward=False,
            limit=limit + 1,
            consistent_read=True,
        )
    )
    return page_of(
        rows, limit=limit, entity=lambda row: _version(name, row), position=lambda row: row.sk
    )


def find_version(*, name: str, number: int) -> Version | None:
    """Return a version, or None for one that never was or is no longer kept."""
    row = PlacementVersionRow.load(_history(name), _key(number), consistent=True)
    return None if row is None else _version(name, row)


def _version(name: str, row: PlacementVersionRow) -> Version:
    return Version(
        number=int(row.sk),
        placement=None if row.content is None else _placement(name, row.content),
        saved_at=row.saved_at,
        saved_by=row.saved_by,
        note=row.note or "",
    )


def save(version: StoredPlacement, *, replaces: int | None) -> bool:
    """Let a version serve, and keep it; the oldest one beyond those kept goes.

    Returns
    -------
    bool
        False when what serves is not the version ``replaces``, or, for None, when there is one.
    """
    name = version.placement.name
    row = PlacementRow(
        PlacementRow.PK,
        name,
        content=_content(version.placement),
        number=version.number,
        saved_at=version.saved_at,
        saved_by=version.saved_by,
    )
    return _change(name, version, replaces=replaces, current=row)


def delete(version: Version, *, name: str, replaces: int) -> bool:
    """Let a placement serve no longer; its versions stay. False as for `save`."""
    return _change(name, version, replaces=replaces, current=None)


def _change(
    name: str, version: Version, *, replaces: int | None, current: PlacementRow | None
) -> bool:
    unchanged = (
        PlacementRow.number.does_not_exist()
        if replaces is None
        else PlacementRow.number == replaces
    )
    kept = PlacementVersionRow(
        _history(name),
        _key(version.number),
        content=None if version.placement is None else _content(version.placement),
        saved_at=version.saved_at,
        saved_by=version.saved_by,
        note=version.note or None,
    )

    def write() -> None:
        # Sent again after a lost answer it carries the same token, and is then done only once.
        with TransactWrite(connection=connection()) as transaction:
            if current is None:
                transaction.delete(PlacementRow(PlacementRow.PK, name), condition=unchanged)
            else:
                transaction.save(current, condition=unchanged)
            transaction.save(kept, condition=PlacementVersionRow.pk.does_not_exist())
            if version.number > KEPT_VERSIONS:
                oldest = _key(version.number - KEPT_VERSIONS)
                transaction.delete(PlacementVersionRow(_history(name), oldest))

    return held(write)
