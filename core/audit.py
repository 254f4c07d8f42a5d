"""Who changed what, and from what to what: rows that are only ever added."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial, reduce
from operator import and_
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.pagination import ResultIterator

from core.dynamodb.attributes import JSONAttribute
from core.dynamodb.batch import Put, write_batch
from core.dynamodb.queries import WireKey, read_on
from core.dynamodb.sharded import LAST
from core.dynamodb.tables import OperationsRow
from core.pages import Page
from core.validation import from_iso, to_key

_MONTHS = "audit-month"
_MONTHS_PER_PAGE = 2
# A filter looks at so many changes in a round trip.
_FILTERED_PAGE = 1000
# Before every time.
_FIRST = "0"


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


def listing(
    *,
    limit: int,
    position: str | None = None,
    by: str | None = None,
    target: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Page[Entry]:
    """Return changes, newest first, perhaps only those by somebody or to something.

    A page reads two months at most, and of each at most 1,000 changes where it looks for some; it
    may end early.

    Parameters
    ----------
    position
        The id of the last one before, or where a page that ended early has stopped.
    since, until
        The first and the last day, in UTC, as ISO 8601.
    """
    first, last = since or _FIRST, position or f"{until or ''}{LAST}"
    passing = _passing(by=by, target=target)
    rows: list[AuditRow] = []
    for number, month in enumerate(_months(first=first[:7], last=last[:7])):
        if number == _MONTHS_PER_PAGE:
            return Page(tuple(map(_entry, rows)), f"{month}{LAST}")
        # One more than asked for tells whether there is a next page.
        wanted = limit + 1 - len(rows)
        query = partial(_changes, month, first=first, last=last, passing=passing, wanted=wanted)
        found, stopped = read_on(query, wanted=wanted, reads=1)
        rows += (row for row in found if row.sk != position)
        if len(rows) > limit:
            return Page(tuple(map(_entry, rows[:limit])), rows[limit - 1].sk)
        if stopped is not None:
            return Page(tuple(map(_entry, rows)), stopped["sk"]["S"])
    return Page(tuple(map(_entry, rows)))


def _months(*, first: str, last: str) -> list[str]:
    if first > last:
        return []
    between = MonthRow.sk.between(first, last)
    rows = MonthRow.query(_MONTHS, between, scan_index_forward=False)
    return [row.sk for row in rows]


def _changes(
    month: str,
    start: WireKey | None,
    *,
    first: str,
    last: str,
    passing: Condition | None,
    wanted: int,
) -> ResultIterator[AuditRow]:
    return AuditRow.query(
        _pk(month),
        AuditRow.sk.between(first, last),
        passing,
        scan_index_forward=False,
        last_evaluated_key=start,
        # The row at the position comes once more.
        page_size=wanted + 1 if passing is None else _FILTERED_PAGE,
    )


def _passing(*, by: str | None, target: str | None) -> Condition | None:
    parts: list[Condition] = []
    if by is not None:
        parts.append(AuditRow.by == by)
    if target is not None:
        parts.append(AuditRow.target == target)
    return reduce(and_, parts) if parts else None


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
