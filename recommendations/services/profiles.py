"""Keep the users' ready lists in step with what is stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.dynamodb.errors import is_transient
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

MAX_EVENTS = 100
# Of these also what lies before the newest 100 events counts.
OLDER_KINDS = ("purchase", "dislike")
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


def refresh(*, user_id: str) -> Refreshed:
    """Compute a user's profile from the newest events, model and settings, and store it.

    Several may do this at the same time: a profile is only written over the one that was read
    before the events, so what was computed from older events never wins.

    Without events a stored profile is removed.

    Raises
    ------
    ContendedProfileError
        When others kept rewriting it.
    """
    for _ in range(_TRIES):
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
    message = "the profile is being rewritten by others; try again"
    raise ContendedProfileError(message)


def past_by_one_query(
    *, user_id: str, stored: Profile | None, preferences: Preferences
) -> Past | None:
    """Return what counts of a user's events, in one round trip; None without any.

    Who has more events than one query gives has a stored profile, as a rule. What that says of the
    past holds then, also under other settings.
    """
    page = events.history(actor=user_id, limit=MAX_EVENTS, consistent=True)
    if page.next is not None and stored is not None:
        return stored.past
    return past_of(page.rows, preferences) if page.rows else None


def keep(profile: Profile, *, over: Profile | None) -> None:
    """Store a profile that was computed from the past of a stored one, in one round trip.

    Only over that one: if it is there still, so is its past what counts of the events. Whoever
    computes from newer events meanwhile has read the same row, and one of the two writes fails; if
    it is that of the newer events, they are read again.
    """
    try:
        serving.save_profile(profile, replaces=None if over is None else over.digest)
    except Exception as error:
        if not is_transient(error):
            raise
        # It spares the next answer two round trips; this one is made.


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
    page = events.history(actor=user_id, limit=MAX_EVENTS, consistent=True)
    if page.next is None:
        return page.rows
    older = [
        event
        for kind in OLDER_KINDS
        for event in events.history(
            actor=user_id, limit=MAX_EVENTS, position=page.next, kind=kind
        ).rows
    ]
    return page.rows + tuple(sorted(older, key=lambda event: event.timestamp, reverse=True))


def wanted_by(past: Past) -> Wanted:
    """Return the rows that the model's list for what a user did is made from: at most 98."""
    ids = [row.item_id for row in past.history]
    return Wanted(neighbours={"similar": ids}, trained_lists=FALLBACKS)


def model_entries(
    *, past: Past, reads: Reads, exclude_purchased: bool = True
) -> tuple[list[Entry], bool]:
    """Return the model's list for what a user did, and whether the model knows any of it.

    It is filled up from the model's own lists. The live ones change by the minute, and so would
    profiles with them.
    """
    reads.fetch(wanted_by(past))
    near = reads.neighbours([row.item_id for row in past.history], kind="similar")
    found = ready_list(
        history=past.history,
        neighbours=near,
        fallbacks=[(name, reads.trained_list(name)) for name in FALLBACKS],
        exclude={*past.disliked, *(past.bought if exclude_purchased else ())},
        source="personal",
    )
    return found, any(near.values())


def with_alike(entries: Sequence[Entry], alike: Iterable[Entry], *, past: Past) -> list[Entry]:
    """Return the list of a model that knows none of the past: what is alike by words first."""
    taken = {*past.disliked, *past.bought}
    found = {each.item_id: each for each in alike if each.item_id not in taken}
    for each in entries:
        found.setdefault(each.item_id, each)
    return list(found.values())[:READY]


def ready_entries(*, past: Past, reads: Reads) -> list[Entry]:
    """Return the ready list for what a user did: at most 100 products.

    All are available, or named as hidden: these are left out of each answer, until they come back.
    """
    found, known = model_entries(past=past, reads=reads)
    if not known:
        # What was done lately says most.
        ids = [row.item_id for row in past.history]
        found = with_alike(found, content_entries(item_ids=ids, reads=reads), past=past)
    if not reads.state.names_all_hidden:
        reads.fetch(Wanted(items=[entry.item_id for entry in found]))
    named = reads.state.hidden
    return [each for each in found if each.item_id in named or not reads.is_gone(each.item_id)]
