"""Keep the users' ready lists in step with what is stored."""

from collections.abc import Sequence
from dataclasses import dataclass

from recommendations.engine.rank import HistoryItem
from recommendations.entities import Event
from recommendations.profiles import Fallbacks, Profile, compute, history_items
from recommendations.storage import events, serving
from recommendations.storage.serving import Candidates

FALLBACK_LISTS = ("trending", "popular")
_MAX_EVENTS = 100
_TRIES = 5


class ContendedProfileError(Exception):
    """A profile was rewritten by somebody else at every try; the same call may succeed later."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A user's state after a refresh.

    Attributes
    ----------
    profile
        None when there is no live model or the user has no events.
    has_events
        Whether anything is stored about what the user did.
    """

    profile: Profile | None
    has_events: bool


def refresh(*, user_id: str) -> Refreshed:
    """Compute a user's profile from the newest events and the live model, and store it.

    Readers and the stream function may do this at the same time: a profile is only written over
    the one that was read before the events, so what was computed from older events never wins.

    Without events or without a live model a stored profile is removed.

    Raises
    ------
    ContendedProfileError
        When others kept rewriting it.
    """
    for _ in range(_TRIES):
        state, stored = serving.state_and_profile(user_id=user_id, consistent=True)
        newest = _newest(user_id)
        if state.live_version is None or not newest:
            if stored is not None:
                serving.delete_profile(user_id=user_id)
            return Refreshed(None, has_events=bool(newest))
        profile = _from_events(user_id=user_id, version=state.live_version, newest=newest)
        replaces = None if stored is None else stored.digest
        if replaces == profile.digest or serving.save_profile(profile, replaces=replaces):
            return Refreshed(profile, has_events=True)
    message = "the profile is being rewritten by others; try again"
    raise ContendedProfileError(message)


def preview(*, user_id: str, version: str) -> Profile | None:
    """Compute a user's profile with any version that may serve; None without events."""
    newest = _newest(user_id)
    return _from_events(user_id=user_id, version=version, newest=newest) if newest else None


def _newest(user_id: str) -> tuple[Event, ...]:
    """Return the newest 100 events, and of those before them the newest 100 orders and dislikes.

    So many views in between do not make a purchase forgotten.
    """
    page = events.history(actor=user_id, limit=_MAX_EVENTS, consistent=True)
    if page.next is None:
        return page.rows
    older = [
        event
        for kind in ("purchase", "dislike")
        for event in events.history(
            actor=user_id, limit=_MAX_EVENTS, position=page.next, kind=kind
        ).rows
    ]
    return page.rows + tuple(sorted(older, key=lambda event: event.timestamp, reverse=True))


def _from_events(*, user_id: str, version: str, newest: Sequence[Event]) -> Profile:
    found = candidates_for(history=history_items(newest), version=version)
    return compute(
        user_id=user_id,
        version=version,
        events=newest,
        neighbours=found.neighbours,
        fallbacks=fallbacks(found),
    )


def candidates_for(*, history: Sequence[HistoryItem], version: str) -> Candidates:
    """Return what a history is ranked with, in one round trip."""
    return serving.candidates(
        version=version, item_ids=[row.item_id for row in history], lists=FALLBACK_LISTS
    )


def fallbacks(found: Candidates) -> Fallbacks:
    """Return the ready lists that fill up a list, in their order."""
    return [(name, found.lists.get(name, [])) for name in FALLBACK_LISTS]
