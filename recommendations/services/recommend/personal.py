"""For a known user: the ready list of the profile."""

from collections.abc import Collection, Sequence
from itertools import islice

from recommendations.profiles import FALLBACKS, Entry, Profile
from recommendations.services import profiles
from recommendations.services.recommend.causes import causes
from recommendations.services.recommend.ready import filling, ready_rows
from recommendations.services.recommend.types import (
    Because,
    Candidates,
    Recommender,
    Request,
)
from recommendations.storage.reads import Reads, Wanted


def _propose(request: Request, reads: Reads) -> Candidates:
    profile = affordable_profile(request, reads)
    if profile is None:
        return Candidates()
    history = profile.past.history
    reasons = tuple(row.item_id for row in history) if request.explain else ()
    entries: Sequence[Entry] = profile.entries
    if not request.exclude_purchased:
        entries = profiles.ready_entries(past=profile.past, reads=reads, exclude_purchased=False)
    if request.fallbacks != FALLBACKS:
        entries = [entry for entry in entries if entry.source not in FALLBACKS]

    def because(item_ids: Collection[str]) -> Because:
        own = {entry.item_id for entry in entries if entry.source == "personal"}
        near = reads.neighbours(reasons, kind="similar")
        return causes(own.intersection(item_ids), history=history, neighbours=near)

    return Candidates(
        entries=entries,
        checked=True,
        because=because,
        reasons_of=reasons,
    )


def at_hand(request: Request, reads: Reads) -> list[Entry]:
    """Return the list where the first entries of the stored profile are all that it takes.

    They decide nothing else: without enough of them, or where more of the profile or anything of
    the catalogue matters, the list is empty.
    """
    if (
        request.user_id is None
        or request.explain
        or not request.exclude_purchased
        or request.fallbacks != FALLBACKS
        or request.is_ruled
    ):
        return []
    barred = request.barred | reads.state.hidden
    shown = (
        entry
        for entry in reads.ready_head(request.user_id)
        if entry.item_id not in barred and not reads.is_gone(entry.item_id)
    )
    first = list(islice(shown, request.limit))
    return first if len(first) == request.limit else []


def affordable_profile(request: Request, reads: Reads) -> Profile | None:
    """Return the user's present profile; None without events.

    Who has no profile has no events, as a rule: the stream makes one within seconds. A query makes
    sure, but not where it would be the fourth round trip, since ready lists and then products of
    the catalogue must be read for the answer. Then the user is taken for unknown. In a shop without
    live lists no stream can be relied on, and the query is made all the same.
    """
    known = request.user_id is None or reads.profile(request.user_id) is not None
    return (
        None
        if not known and _leaves_it_to_the_stream(request, reads)
        else current_profile(request, reads)
    )


def _leaves_it_to_the_stream(request: Request, reads: Reads) -> bool:
    if reads.state.names_all_hidden and not request.reads_catalogue:
        return False
    # All that an answer without a profile reads before the products.
    reads.fetch(filling(request) | ready_rows(FALLBACKS))
    if not request.reads_catalogue and all(map(reads.is_checked, request.fallbacks)):
        return False
    return any(map(reads.has_live, FALLBACKS))


def current_profile(request: Request, reads: Reads) -> Profile | None:
    """Return the user's profile, computed anew if it is missing or stale; None without events."""
    if request.user_id is None:
        return None
    profile = reads.profile(request.user_id)
    if profile is None or profile.stamp != reads.state.stamp:
        profile = profiles.refresh(user_id=request.user_id, reads=reads).profile
        reads.keep_profile(request.user_id, profile)
    return profile


PERSONAL = Recommender(lambda request: Wanted(users=request.users), _propose)
