"""Keep the users' ready lists in step with what is stored."""

from collections.abc import Sequence
from dataclasses import dataclass

from recommendations.entities import Event
from recommendations.preferences import Preferences
from recommendations.profiles import (
    FALLBACKS,
    READY,
    Entry,
    Past,
    Profile,
    make,
    past_of,
    ready_list,
)
from recommendations.services.content import content_entries
from recommendations.storage import events, serving
from recommendations.storage.events import EventKey
from recommendations.storage.reads import Reads, Wanted

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
        None when the user has no events.
    has_events
        Whether anything is stored about what the user did.
    """

    profile: Profile | None
    has_events: bool


def stored(*, user_ids: Sequence[str]) -> list[Profile]:
    """Return the profiles of those users that have one, as they are stored."""
    return serving.profiles(user_ids)


def refresh(*, user_id: str, reads: Reads | None = None) -> Refreshed:
    """Compute a user's profile from the newest events, model and settings, and store it.

    Readers and the stream function may do this at the same time: a profile is only written over
    the one that was read before the events, so what was computed from older events never wins.

    Without events a stored profile is removed.

    Parameters
    ----------
    reads
        Where the serving state and the stored profile have been read already.

    Raises
    ------
    ContendedProfileError
        When others kept rewriting it.
    """
    for _ in range(_TRIES):
        if reads is None:
            reads = Reads()
            reads.fetch(Wanted(users=[user_id]), consistent=True)
        stored = reads.profile(user_id)
        newest = _newest(user_id)
        if not newest:
            if stored is not None:
                serving.delete_profile(user_id=user_id)
            return Refreshed(None, has_events=False)
        past = past_of(newest, reads.state.preferences)
        entries = ready_entries(past=past, reads=reads)
        profile = make(user_id=user_id, stamp=reads.state.stamp, past=past, entries=entries)
        replaces = None if stored is None else stored.digest
        if replaces == profile.digest or serving.save_profile(profile, replaces=replaces):
            return Refreshed(profile, has_events=True)
        reads = None
    message = "the profile is being rewritten by others; try again"
    raise ContendedProfileError(message)


def preview(
    *,
    user_id: str,
    version: str | None,
    preferences: Preferences | None = None,
    without: EventKey | None = None,
    reads: Reads | None = None,
) -> Profile | None:
    """Compute a user's profile with any version that may serve, other settings, or less events.

    None without events. Nothing is stored.

    Parameters
    ----------
    without
        An event that is taken for one that never was.
    reads
        Of that version.
    """
    newest = tuple(event for event in _newest(user_id) if events.key_of(event) != without)
    if not newest:
        return None
    reads = reads or Reads(version=version)
    reads.fetch(Wanted())
    past = past_of(newest, preferences or reads.state.preferences)
    entries = ready_entries(past=past, reads=reads)
    return make(user_id=user_id, stamp=version or "", past=past, entries=entries)


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


def ready_entries(*, past: Past, reads: Reads, exclude_purchased: bool = True) -> list[Entry]:
    """Return the ready list for what a user did: at most 100 products.

    All are available, or named as hidden: these are left out of each answer, until they come back.

    It is filled up from the model's own lists. The live ones change by the minute, and so would
    profiles with them.
    """
    ids = [row.item_id for row in past.history]
    reads.fetch(Wanted(neighbours={"similar": ids}, trained_lists=FALLBACKS))
    taken = {*past.disliked, *(past.bought if exclude_purchased else ())}
    near = reads.neighbours(ids, kind="similar")
    found = ready_list(
        history=past.history,
        neighbours=near,
        fallbacks=[(name, reads.trained_list(name)) for name in FALLBACKS],
        exclude=taken,
        source="personal",
    )
    if not any(near.values()):
        # The model knows none of it: what was done lately says most.
        alike = content_entries(item_ids=ids, reads=reads)
        entries = {each.item_id: each for each in alike if each.item_id not in taken}
        for each in found:
            entries.setdefault(each.item_id, each)
        found = list(entries.values())[:READY]
    if not reads.state.names_all_hidden:
        reads.fetch(Wanted(items=[entry.item_id for entry in found]))
    named = reads.state.hidden
    return [each for each in found if each.item_id in named or not reads.is_gone(each.item_id)]
