"""Events: histories by user or session, and everyone's by day.

What lists events leaves damaged rows out, so a page may have fewer than were asked for.
"""

import hashlib
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec
from django.core.cache import cache

from core.dynamodb.batch import Delete, Get, Put, read_batch, write_all
from core.dynamodb.sharded import LAST, merge_shards, shard_of
from core.pages import Page, page_of
from core.validation import from_iso, to_key
from recommendations.entities import SESSION_PREFIX, Event, EventType, Line
from recommendations.models import DayRow, EventRow

logger = logging.getLogger(__name__)

_SHARDS = 4
_DAYS_PER_READ = 31
# Views, clicks and impressions are most of a history anyway; an index of them would cost a write
# for each and save nothing.
_INDEXED = frozenset({"purchase", "cart", "like", "dislike"})
# A filter looks at so many rows in a round trip.
_FILTERED_PAGE = 1000
_KNOWN_DAY_SECONDS = 3600
# Before every year.
_FIRST = "0"


@dataclass(frozen=True, slots=True)
class Period:
    """From which day to which, both included and in UTC; None for no bound."""

    since: date | None = None
    until: date | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether it ends before it begins."""
        return self.first_key > self.last_key

    @property
    def first_key(self) -> str:
        """Return what no key of the period comes before."""
        return _FIRST if self.since is None else str(self.since)

    @property
    def last_key(self) -> str:
        """Return what no key of the period comes after."""
        return LAST if self.until is None else f"{self.until}{LAST}"


ALWAYS = Period()


# Whose event, and which: what a row of the events table and a record of its stream are named by.
EventKey = tuple[str, str]


def key_of(event: Event) -> EventKey:
    """Return the key of an event's row."""
    return event.actor, _moment(event.timestamp, event.event_id)


def _moment(timestamp: datetime, event_id: str) -> str:
    return f"{to_key(timestamp)}#{event_id}"


def _entry(event: Event) -> str:
    """Return a unique key in order of time, short enough for any ids."""
    identity = f"{event.event_id}#{event.actor}".encode()
    return f"{to_key(event.timestamp)}#{hashlib.sha256(identity).hexdigest()[:20]}"


def _to_row(event: Event) -> EventRow:
    moment = _moment(event.timestamp, event.event_id)
    shard = shard_of(f"{event.actor}#{event.event_id}", shards=_SHARDS)
    return EventRow(
        event.actor,
        moment,
        type=event.type,
        lines=[
            [line.item_id, line.quantity, None if line.price is None else str(line.price)]
            for line in event.items
        ],
        session_id=event.session_id,
        order_id=event.order_id,
        recommendation_id=event.recommendation_id,
        day_shard=f"{moment[:10]}#{shard}",
        entry=_entry(event),
        actor_type=f"{event.actor}#{event.type}" if event.type in _INDEXED else None,
    )


def from_row(row: EventRow) -> Event:
    """Turn a stored row into an event.

    Raises
    ------
    TypeError, ValueError
        When another program has damaged it; see `readable`.
    """
    timestamp, _, event_id = row.moment.partition("#")
    return Event(
        event_id=event_id,
        timestamp=from_iso(timestamp),
        type=msgspec.convert(row.type, EventType),
        items=tuple(
            msgspec.convert({"item_id": item_id, "quantity": quantity, "price": price}, Line)
            for item_id, quantity, price in row.lines
        ),
        user_id=None if row.actor.startswith(SESSION_PREFIX) else row.actor,
        session_id=row.session_id,
        order_id=row.order_id,
        recommendation_id=row.recommendation_id,
    )


def readable(rows: Iterable[EventRow]) -> Iterator[Event]:
    """Yield the events of rows; a damaged row costs none of the others."""
    for row in rows:
        try:
            yield from_row(row)
        except (TypeError, ValueError) as error:
            # Who did what is personal, so the log says no more.
            logger.warning("an event is left out, it is damaged: %s", type(error).__name__)


def save(events: Sequence[Event], *, progress: Callable[[int], None] | None = None) -> None:
    """Store events durably; of two with one identity the later one counts.

    Raises
    ------
    BatchIncompleteError
        With the rows that DynamoDB did not take.
    """
    rows = {(event.actor, _moment(event.timestamp, event.event_id)): event for event in events}
    days = sorted({moment[:10] for _, moment in rows})
    unknown = [day for day in days if cache.get(f"event-day:{day}") is None]
    write_all([Put(DayRow(DayRow.PK, day)) for day in unknown])
    cache.set_many({f"event-day:{day}": True for day in unknown}, _KNOWN_DAY_SECONDS)
    write_all((Put(_to_row(event)) for event in rows.values()), progress=progress)


def find(*, actor: str, timestamp: datetime, event_id: str) -> Event | None:
    """Return one event, or None."""
    row = EventRow.load(actor, _moment(timestamp, event_id), consistent=True)
    return None if row is None else next(readable([row]), None)


def find_many(keys: Collection[EventKey]) -> dict[EventKey, Event]:
    """Return those that are stored at this moment, in one round trip per 100.

    Strict, see `from_row`: what is counted must not vanish because it was damaged.
    """
    rows = read_batch([Get(EventRow, *key) for key in keys], consistent=True)
    return {(row.actor, row.moment): from_row(row) for row in rows if isinstance(row, EventRow)}


def delete(*, actor: str, timestamp: datetime, event_id: str) -> bool:
    """Remove one event; tell whether it was there."""
    row = EventRow.load(actor, _moment(timestamp, event_id), consistent=True)
    if row is None:
        return False
    row.delete()
    return True


def history(
    *,
    actor: str,
    limit: int,
    position: str | None = None,
    kind: str | None = None,
    period: Period = ALWAYS,
    consistent: bool = False,
) -> Page[Event]:
    """Return the newest events of a user or session, those before ``position`` if given.

    ``consistent`` is for all types together; what an index answers may be some milliseconds old.
    """
    if period.is_empty:
        return Page(())
    # Both ends are included, so the row at the position comes once more.
    within = EventRow.moment.between(period.first_key, position or period.last_key)
    most = limit + 1 if position is None else limit + 2
    if kind in _INDEXED:
        found = EventRow.by_type.query(
            f"{actor}#{kind}", within, scan_index_forward=False, limit=most
        )
    else:
        found = EventRow.query(
            actor,
            within,
            None if kind is None else EventRow.type == kind,
            scan_index_forward=False,
            consistent_read=consistent,
            limit=most,
            page_size=None if kind is None else _FILTERED_PAGE,
        )
    rows = [row for row in found if row.moment != position][: limit + 1]
    page = page_of(rows, limit=limit, entity=lambda row: row, position=lambda row: row.moment)
    return Page(tuple(readable(page.rows)), page.next)


def recent(
    *,
    limit: int,
    position: Sequence[str] | None = None,
    kind: str | None = None,
    period: Period = ALWAYS,
) -> Page[Event]:
    """Return everyone's newest events, those before ``position`` (day, entry) if given.

    With a type, a page ends after 31 days even if it is not full, so that the reads stay bounded.
    """
    if period.is_empty:
        return Page(())
    day, entry = position or (period.last_key, None)
    found: list[EventRow] = []
    for number, current in enumerate(_days_down_from(day, first=period.first_key)):
        if kind is not None and number == _DAYS_PER_READ:
            return Page(tuple(readable(found)), [current, LAST])
        upper = entry if current == day else None
        found += _events_of(current, limit=limit + 1 - len(found), before=upper, kind=kind)
        if len(found) > limit:
            break
    last = found[limit - 1] if len(found) > limit else None
    return Page(
        tuple(readable(found[:limit])),
        None if last is None else [last.day_shard[:10], last.entry],
    )


def _days_down_from(day: str, *, first: str = _FIRST) -> Iterator[str]:
    for row in DayRow.query(
        DayRow.PK,
        DayRow.sk.between(first, day),
        scan_index_forward=False,
        page_size=_DAYS_PER_READ,
    ):
        yield row.sk


def _events_of(day: str, *, limit: int, before: str | None, kind: str | None) -> list[EventRow]:
    def read(shard: str) -> list[EventRow]:
        return list(
            EventRow.by_day.query(
                shard,
                None if before is None else EventRow.entry < before,
                None if kind is None else EventRow.type == kind,
                scan_index_forward=False,
                limit=limit,
                page_size=None if kind is None else _FILTERED_PAGE,
            )
        )

    return merge_shards(
        read,
        shards=[f"{day}#{shard}" for shard in range(_SHARDS)],
        key=lambda row: row.entry,
        limit=limit,
        newest_first=True,
    )


def by_day() -> Iterator[Event]:
    """Yield all events, the newest day first, without a scan; memory stays bounded."""
    for day in _days_down_from(LAST):
        for shard in range(_SHARDS):
            yield from readable(EventRow.by_day.query(f"{day}#{shard}"))


def keys_after(position: Sequence[str] | None, *, limit: int) -> list[EventKey]:
    """Return the keys of the next events in the order of a scan; fewer only at the end.

    ``position`` is the last key before; strongly consistent, for a rebuild.
    """
    start = None if position is None else EventRow.key(*position)
    rows = EventRow.scan(
        attributes_to_get=list(EventRow.key_names()),
        consistent_read=True,
        last_evaluated_key=start,
        limit=limit,
        page_size=limit,
    )
    return [(row.actor, row.moment) for row in rows]


def erase(*, actor: str) -> int:
    """Remove all events of a user or session; return how many."""
    rows = list(EventRow.query(actor, attributes_to_get=list(EventRow.key_names())))
    return write_all(Delete(EventRow, row.actor, row.moment) for row in rows)
