"""Record what customers do, and look it up again."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from core.pages import Page
from recommendations.entities import Event
from recommendations.storage import events as storage
from recommendations.storage import everyones_events as everyones
from recommendations.storage.events import ALWAYS, MAX_READS, EventKey, Period

__all__ = [
    "EventKey",
    "Period",
    "everything",
    "find",
    "history",
    "months",
    "recent",
    "record",
    "withdraw",
]


def record(*, events: Sequence[Event], progress: Callable[[int], None] | None = None) -> None:
    """Store events durably; the same event again replaces itself.

    Raises
    ------
    BatchIncompleteError
        When DynamoDB refused part of them past the last retry. Sending all again is safe.
    """
    storage.save(events, progress=progress)


def withdraw(*, actor: str, timestamp: datetime, event_id: str) -> bool:
    """Remove an event, as for a returned order; tell whether it was there."""
    return storage.delete(actor=actor, timestamp=timestamp, event_id=event_id)


def find(*, actor: str, timestamp: datetime, event_id: str) -> Event | None:
    """Return one event, or None."""
    return storage.find(actor=actor, timestamp=timestamp, event_id=event_id)


def history(
    *,
    actor: str,
    limit: int,
    position: Any = None,
    kind: str | None = None,
    item_id: str | None = None,
    period: Period = ALWAYS,
    reads: int = MAX_READS,
) -> Page[Event]:
    """Return the events of one user or session, newest first.

    A page of a rare type or of one item ends early, after so many reads of 1,000 events.
    """
    return storage.history(
        actor=actor,
        limit=limit,
        position=position,
        kind=kind,
        item_id=item_id,
        period=period,
        reads=reads,
    )


def months(*, until: str, period: Period = ALWAYS, limit: int) -> list[str]:
    """Return the months of a period that have events, the newest first, none after ``until``."""
    return everyones.months(until=until, period=period, limit=limit)


def recent(
    *,
    limit: int,
    position: Any = None,
    kind: str | None = None,
    item_id: str | None = None,
    period: Period = ALWAYS,
    among: Sequence[str] | None = None,
) -> Page[Event]:
    """Return everyone's events, newest first; ``among`` as in `storage.everyones_events`."""
    return everyones.recent(
        limit=limit, position=position, kind=kind, item_id=item_id, period=period, among=among
    )


def everything() -> Iterator[Event]:
    """Yield all events, the newest month first, with bounded memory: for exports."""
    return everyones.everything()
