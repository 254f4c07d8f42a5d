"""For a known user: the ready list of the profile."""

from collections.abc import Collection

from recommendations.engine.rank import rank
from recommendations.profiles import READY, Entry, Profile, ready_list
from recommendations.services import profiles
from recommendations.services.recommend.types import (
    FALLBACKS,
    MAX_CAUSES,
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
    history = profile.history
    reasons = tuple(row.item_id for row in history)

    def because(item_ids: Collection[str]) -> Because:
        near = reads.neighbours(reasons, kind="similar")
        others = {row.item_id for rows in near.values() for row in rows}.difference(item_ids)
        own = {entry.item_id for entry in entries if entry.source == "personal"}
        scored = rank(
            history=history,
            neighbours=near,
            exclude=others,
            limit=len(item_ids),
            causes=MAX_CAUSES,
        )
        return {row.item_id: row.causes for row in scored if row.item_id in own}

    entries: list[Entry] = list(profile.entries)
    if not request.exclude_purchased:
        reads.fetch(Wanted(neighbours={"similar": reasons}, lists=FALLBACKS))
        entries = ready_list(
            history=history,
            neighbours=reads.neighbours(reasons, kind="similar"),
            fallbacks=[(name, reads.ready_list(name)) for name in FALLBACKS],
            exclude=set(profile.disliked),
            source="personal",
        )
    own_fallbacks = request.fallbacks == FALLBACKS
    if not own_fallbacks:
        entries = [entry for entry in entries if entry.source not in FALLBACKS]
    return Candidates(
        entries=entries,
        complete=own_fallbacks and len(entries) < READY,
        checked=request.exclude_purchased,
        because=because,
        reasons_of=reasons,
    )


def current_profile(request: Request, reads: Reads) -> Profile | None:
    """Return the user's profile, computed anew if it is missing or stale; None without events."""
    if request.user_id is None:
        return None
    profile = reads.profile(request.user_id)
    if profile is None or profile.version != reads.version:
        profile = profiles.refresh(user_id=request.user_id).profile
        reads.keep_profile(request.user_id, profile)
    return profile


PERSONAL = Recommender(lambda request: Wanted(users=request.users), _propose)
