"""For a known user: the ready list of the profile."""

from collections.abc import Collection, Sequence

from recommendations.profiles import FALLBACKS, Entry, Profile
from recommendations.services import profiles
from recommendations.services.recommend.causes import causes
from recommendations.services.recommend.types import (
    Because,
    Candidates,
    Recommender,
    Request,
)
from recommendations.storage.reads import Reads, Wanted


def _propose(request: Request, reads: Reads) -> Candidates:
    profile = current_profile(request, reads)
    if profile is None:
        return Candidates()
    history = profile.past.history
    reasons = tuple(row.item_id for row in history)
    entries: Sequence[Entry] = profile.entries
    if not request.exclude_purchased:
        entries = profiles.ready_entries(past=profile.past, reads=reads, exclude_purchased=False)
    if request.fallbacks != FALLBACKS:
        entries = [entry for entry in entries if entry.source not in FALLBACKS]
    own = {entry.item_id for entry in entries if entry.source == "personal"}

    def because(item_ids: Collection[str]) -> Because:
        near = reads.neighbours(reasons, kind="similar")
        return causes(own.intersection(item_ids), history=history, neighbours=near)

    return Candidates(
        entries=entries,
        checked=True,
        because=because,
        reasons_of=reasons,
    )


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
