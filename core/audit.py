"""Who changed what, and from what to what: rows that are only ever added."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from core.dynamodb.attributes import JSONAttribute
from core.dynamodb.batch import Put, write_batch
from core.dynamodb.tables import OperationsRow
from core.pages import Page
from core.validation import from_iso, to_key

_MONTHS = "audit-month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change.

    Attributes
    ----------
    action
        What was done, like ``models.publish``.
    target
        The id of what it was done to.
    before, after
        What changed; values that JSON can hold.
    """

    entry_id: str
    at: datetime
    by: str
    action: str
    target: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


class AuditRow(OperationsRow):
    """One change, in the partition of its month."""

    by = UnicodeAttribute()
    action = UnicodeAttribute()
    target = UnicodeAttribute(null=True)
    before = JSONAttribute(null=True)
    after = JSONAttribute(null=True)


class MonthRow(OperationsRow):
    """A month in which there are changes, so that reading skips the empty ones."""


def record(
    *,
    by: str,
    action: str,
    target: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add a change. It never holds secrets: whoever may read the log reads all of it."""
    now = to_key(datetime.now(UTC))
    entry = AuditRow(
        _pk(now[:7]),
        f"{now}#{secrets.token_hex(4)}",
        by=by,
        action=action,
        target=target or None,
        before=dict(before) if before else None,
        after=dict(after) if after else None,
    )
    write_batch([Put(MonthRow(_MONTHS, now[:7])), Put(entry)])


def find(*, entry_id: str) -> Entry | None:
    """Return one change."""
    row = AuditRow.load(_pk(entry_id[:7]), entry_id)
    return None if row is None else _entry(row)


def listing(*, limit: int, position: str | None = None) -> Page[Entry]:
    """Return changes, newest first; ``position`` is the id of the last one before."""
    months = [
        row.sk
        for row in MonthRow.query(
            _MONTHS,
            MonthRow.sk <= position[:7] if position else None,
            scan_index_forward=False,
        )
    ]
    rows: list[AuditRow] = []
    for month in months:
        older = AuditRow.sk < position if position and position[:7] == month else None
        # One more than asked for tells whether there is a next page.
        wanted = limit + 1 - len(rows)
        rows += AuditRow.query(_pk(month), older, scan_index_forward=False, limit=wanted)
        if len(rows) > limit:
            return Page(tuple(map(_entry, rows[:limit])), rows[limit - 1].sk)
    return Page(tuple(map(_entry, rows)))


def _pk(month: str) -> str:
    return f"audit#{month}"


def _entry(row: AuditRow) -> Entry:
    return Entry(
        entry_id=row.sk,
        at=from_iso(row.sk.partition("#")[0]),
        by=row.by,
        action=row.action,
        target=row.target or "",
        before=row.before or {},
        after=row.after or {},
    )
