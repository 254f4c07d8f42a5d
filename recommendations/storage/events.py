"""Events: each by its key, and histories by user or session.

What lists events leaves damaged rows out, so a page may have fewer than were asked for.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial, reduce
from operator import and_
from typing import Any

import msgspec
from django.core.cache import cache
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.pagination import ResultIterator

from core.dynamodb.batch import Delete, Get, Put, read_batch, write_all
from core.dynamodb.queries import read_on
from core.dynamodb.sharded import LAST, shard_of
from core.pages import Page, page_of
from core.validation import from_iso, to_key
from recommendations.entities import SESSION_PREFIX, Event, EventType, Line
from recommendations.models import EventRow, MonthRow

logger = logging.getLogger(__name__)

# Everyone's events of a month are spread over so many, see `everyones_events`.
SHARDS = 2
# Views, clicks and impressions are most of a history anyway; an index of them would cost a write
# for each and save nothing.
_INDEXED = frozenset({"purchase", "cart", "like", "dislike"})
# A filter looks at so many rows in a round trip.
FILTERED_PAGE = 1000
MAX_READS = 10
_KNOWN_MONTH_SECONDS = 3600
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


def month_of(moment: str) -> str:
    """Return the month of a key that begins with a time."""
    return moment[:7]


def _moment(timestamp: datetime, event_id: str) -> str:
    return f"{to_key(timestamp)}#{event_id}"


def _entry(event: Event) -> str:
    """Return a unique key in order of time, short enough for any ids."""
    identity = f"{event.event_id}#{event.actor}".encode()
    return f"{to_key(event.timestamp)}#{hashlib.sha256(identity).hexdigest()[:20]}"


def _to_row(event: Event) -> EventRow:
    moment = _moment(event.timestamp, event.event_id)
    shard = shard_of(f"{event.actor}#{event.event_id}", shards=SHARDS)
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
        month_shard=f"{month_of(moment)}#{shard}",
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
    months = sorted({month_of(moment) for _, moment in rows})
    unknown = [month for month in months if cache.get(f"event-month:{month}") is None]
    write_all([Put(MonthRow(MonthRow.PK, month)) for month in unknown])
    cache.set_many({f"event-month:{month}": True for month in unknown}, _KNOWN_MONTH_SECONDS)
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
    item_id: str | None = None,
    period: Period = ALWAYS,
    consistent: bool = False,
    reads: int = MAX_READS,
) -> Page[Event]:
    """Return the newest events of a user or session, those before ``position`` if given.

    Where no index answers, for a rare type or an item, a page ends early after so many reads, of
    1,000 events each. ``consistent`` is for all types together; what an index answers may be some
    milliseconds old.
    """
    if period.is_empty:
        return Page(())
    # Both ends are included, so the row at the position comes once more.
    within = EventRow.moment.between(period.first_key, position or period.last_key)
    most = limit + 1 if position is None else limit + 2
    indexed = kind in _INDEXED
    passing = narrowed(kind=None if indexed else kind, item_id=item_id)

    def query(start: Any, **size: Any) -> ResultIterator[EventRow]:
        if indexed:
            return EventRow.by_type.query(
                f"{actor}#{kind}",
                within,
                passing,
                scan_index_forward=False,
                last_evaluated_key=start,
                **size,
            )
        return EventRow.query(
            actor,
            within,
            passing,
            scan_index_forward=False,
            consistent_read=consistent,
            last_evaluated_key=start,
            **size,
        )

    if passing is None:
        found, stopped = list(query(None, limit=most)), None
    else:
        read = partial(query, page_size=FILTERED_PAGE)
        found, stopped = read_on(read, wanted=most, reads=reads)
    rows = [row for row in found if row.moment != position][: limit + 1]
    page = page_of(rows, limit=limit, entity=lambda row: row, position=lambda row: row.moment)
    following = page.next
    if following is None and stopped is not None:
        following = stopped[EventRow.moment.attr_name]["S"]
    return Page(tuple(readable(page.rows)), following)


def narrowed(*, kind: str | None, item_id: str | None) -> Condition | None:
    """Return the filter for events of a type, or with a product; None for all."""
    parts: list[Condition] = []
    if kind is not None:
        parts.append(EventRow.type == kind)
    if item_id is not None:
        # Lines are stored as JSON, and an id always stands first in its line.
        written = json.dumps(item_id, ensure_ascii=False)
        parts.append(Path(EventRow.lines.attr_name).contains(f"[{written},"))
    return reduce(and_, parts) if parts else None


def by_actor() -> Iterator[Event]:
    """Yield all events, those of one user or session together, oldest first: for jobs only."""
    return readable(EventRow.scan())


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


def erase(*, actor: str, limit: int) -> int:
    """Remove so many events of a user or session, the oldest first; return how many there were."""
    names = list(EventRow.key_names())
    rows = EventRow.query(actor, attributes_to_get=names, consistent_read=True, limit=limit)
    return write_all(Delete(EventRow, row.actor, row.moment) for row in rows)
