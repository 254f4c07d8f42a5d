"""How far behind the shop the stream function is."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.validation import from_iso
from recommendations.storage import everyones_events, statistics
from recommendations.storage import following as storage
from recommendations.storage.following import Handled

__all__ = ["Following", "Handled", "note", "state"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What is known of the stream function.

    Attributes
    ----------
    handled
        The last batch of records; None before the first one.
    waiting_since
        The time of one of today's newest events, if it has not been counted yet. It is a sample
        of a fourth of the events, so a backlog shows with certainty, and a single event may not.
    """

    handled: Handled | None
    waiting_since: datetime | None


def note(stored_at: Sequence[datetime]) -> None:
    """Note that records were handled, by the times they were stored; a failure is only logged."""
    now = datetime.now(UTC)
    waited = max(timedelta(0), now - min(stored_at, default=now))
    try:
        storage.save(Handled(at=now, waited=waited))
    except Exception:
        # The records have been handled all the same.
        logger.warning("how far the stream is could not be noted", exc_info=True)


def state() -> Following:
    """Return how far the stream function is, in three round trips."""
    handled, serving = storage.find()
    newest = everyones_events.sample_of(datetime.now(UTC).date())
    if newest is None:
        return Following(handled=handled, waiting_since=None)
    (effects,) = statistics.effects([newest], generation=serving.generations[0]).values()
    is_counted = effects.digest is not None
    moment = from_iso(newest[1].partition("#")[0])
    return Following(handled=handled, waiting_since=None if is_counted else moment)
