"""Record what customers do, and look it up again."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from core.pages import Page
from recommendations.entities import Event
from recommendations.storage import events as storage
from recommendations.storage.events import ALWAYS, EventKey, Period

__all__ = ["EventKey", "Period", "everything", "find", "history", "recent", "record", "withdraw"]


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
    period: Period = ALWAYS,
) -> Page[Event]:
    """Return the events of one user or session, newest first."""
    return storage.history(actor=actor, limit=limit, position=position, kind=kind, period=period)


def recent(
    *, limit: int, position: Any = None, kind: str | None = None, period: Period = ALWAYS
) -> Page[Event]:
    """Return everyone's events, newest first."""
    return storage.recent(limit=limit, position=position, kind=kind, period=period)


def everything() -> Iterator[Event]:
    """Yield all events, the newest day first, with bounded memory: for exports."""
    return storage.by_day()
