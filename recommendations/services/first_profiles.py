"""Profiles for events that no stream has seen."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice

from core.dynamodb.batch import write_all
from recommendations.entities import Event
from recommendations.profiles import Profile, make, past_of
from recommendations.services.profiles import MAX_EVENTS, OLDER_KINDS
from recommendations.storage import events, serving


def prepare() -> int:
    """Store for each user what counts of the past, and return how many there are.

    The list follows at the user's first request, with whatever model is live then. It reads all
    events, user by user, and replaces all profiles: for the time before a stream is followed.
    """
    return write_all(map(serving.profile_put, _profiles()))


def _profiles() -> Iterator[Profile]:
    state = replace(serving.state(consistent=True), live_version=None)
    for user_id, group in groupby(events.by_actor(), key=lambda event: event.user_id):
        if user_id is not None:
            past = past_of(_newest(list(group)[::-1]), state.preferences)
            yield make(user_id=user_id, stamp=state.stamp, past=past, entries=())


def _newest(history: Sequence[Event]) -> list[Event]:
    """Return what a profile is computed from, as the stream does, of a whole history."""
    newest, rest = history[:MAX_EVENTS], history[MAX_EVENTS:]
    older = [
        event
        for kind in OLDER_KINDS
        for event in islice((event for event in rest if event.type == kind), MAX_EVENTS)
    ]
    return [*newest, *sorted(older, key=lambda event: event.timestamp, reverse=True)]
