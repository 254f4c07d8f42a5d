"""Everyone's events, newest first: month by month, each spread over shards.

Which months have events is a directory of its own, so that empty ones cost nothing.
"""

import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import date
from functools import partial
from typing import Any

from core.dynamodb.queries import WireKey, read_on
from core.dynamodb.sharded import LAST
from core.pages import Page
from recommendations.entities import Event
from recommendations.models import EventRow, MonthRow
from recommendations.storage.events import (
    ALWAYS,
    FILTERED_PAGE,
    SHARDS,
    EventKey,
    Period,
    month_of,
    narrowed,
    readable,
)

# Before every entry; DynamoDB refuses empty keys.
_FIRST_ENTRY = "0"
# Where months follow each other with hardly an event in them, a page ends early after so many.
_MONTHS_PER_PAGE = 12


def months(*, until: str = LAST, period: Period = ALWAYS, limit: int | None = None) -> list[str]:
    """Return the months of a period that have events, the newest first, none after ``until``."""
    first, last = month_of(period.first_key), min(until, month_of(period.last_key))
    if first > last:
        return []
    rows = MonthRow.query(
        MonthRow.PK, MonthRow.sk.between(first, last), scan_index_forward=False, limit=limit
    )
    return [row.sk for row in rows]


def recent(
    *,
    limit: int,
    position: Sequence[str] | None = None,
    kind: str | None = None,
    item_id: str | None = None,
    period: Period = ALWAYS,
    among: Sequence[str] | None = None,
) -> Page[Event]:
    """Return everyone's newest events, those before ``position`` (month, entry) if given.

    With a type or an item each month is looked into for 1,000 events of each shard at most; where
    there are more, the page ends early.

    Parameters
    ----------
    among
        Months, as `months` returns them, from that of the position on. Only the first is read,
        the second is where the list goes on; without them the directory is read, and as many
        months as a page takes.
    """
    if period.is_empty:
        return Page(())
    month, before = position or (month_of(period.last_key), LAST)
    known = months(until=month, period=period) if among is None else list(among)
    passing = narrowed(kind=kind, item_id=item_id)
    found: list[EventRow] = []
    for number, current in enumerate(known):
        if number == (_MONTHS_PER_PAGE if among is None else 1):
            return Page(tuple(readable(found)), [current, LAST])
        upper = min(period.last_key, before if current == month else LAST)
        rows, looked_until = _month(
            current, limit + 1 - len(found), first=period.first_key, before=upper, passing=passing
        )
        found += rows
        if len(found) > limit:
            last = found[limit - 1]
            return Page(tuple(readable(found[:limit])), [current, last.entry])
        if looked_until is not None:
            return Page(tuple(readable(found)), [current, looked_until])
    return Page(tuple(readable(found)))


def _month(
    month: str, wanted: int, *, first: str, before: str, passing: Any
) -> tuple[list[EventRow], str | None]:
    """Return a month's newest events, and down to where all shards were looked into.

    None where that is the end of the month.
    """

    def query(shard: str, start: WireKey | None) -> Any:
        return EventRow.by_month.query(
            shard,
            EventRow.entry.between(max(first, _FIRST_ENTRY), before),
            passing,
            scan_index_forward=False,
            last_evaluated_key=start,
            # One more than wanted: the entry at the position comes once more.
            page_size=wanted + 1 if passing is None else FILTERED_PAGE,
        )

    def read(shard: str) -> tuple[list[EventRow], WireKey | None]:
        return read_on(partial(query, shard), wanted=wanted, reads=1)

    shards = [f"{month}#{number}" for number in range(SHARDS)]
    with ThreadPoolExecutor(max_workers=SHARDS) as pool:
        futures = [pool.submit(copy_context().run, read, shard) for shard in shards]
        parts = [future.result() for future in futures]
    # Further down one shard may have more, so nothing below that is in order yet.
    depths = [stopped["entry"]["S"] for _, stopped in parts if stopped is not None]
    depth = max(depths, default=None)
    rows = [row for rows, _ in parts for row in rows if row.entry < before]
    rows = [row for row in rows if depth is None or row.entry >= depth]
    return sorted(rows, key=lambda row: row.entry, reverse=True)[:wanted], depth


def oldest() -> EventKey | None:
    """Return the first event of all; months whose events are gone are passed over."""
    for month in MonthRow.query(MonthRow.PK):
        shards = [f"{month.sk}#{number}" for number in range(SHARDS)]
        firsts = [row for shard in shards for row in EventRow.by_month.query(shard, limit=1)]
        if firsts:
            row = min(firsts, key=lambda row: row.entry)
            return row.actor, row.moment
    return None


def sample_of(day: date) -> EventKey | None:
    """Return the newest event of a day in one of its shards, in one round trip."""
    rows = EventRow.by_month.query(
        f"{month_of(str(day))}#{secrets.randbelow(SHARDS)}",
        EventRow.entry.between(str(day), f"{day}{LAST}"),
        scan_index_forward=False,
        limit=1,
    )
    return next(((row.actor, row.moment) for row in rows), None)


def everything() -> Iterator[Event]:
    """Yield all events, the newest month first, without a scan; memory stays bounded."""
    for month in months():
        for shard in range(SHARDS):
            yield from readable(EventRow.by_month.query(f"{month}#{shard}"))
