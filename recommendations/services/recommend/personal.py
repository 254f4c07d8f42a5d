"""For a known user: the ready list of the profile."""

from collections.abc import Collection, Sequence
from itertools import islice

from recommendations.profiles import FALLBACKS, Entry, Past, Profile, make
from recommendations.services import content, profiles
from recommendations.services.recommend.causes import causes
from recommendations.services.recommend.ready import ready_rows
from recommendations.services.recommend.types import (
    Because,
    Candidates,
    Recommender,
    Request,
)
from recommendations.storage.reads import Reads, Wanted


def _propose(request: Request, reads: Reads) -> Candidates:
    stored = None if request.user_id is None else reads.profile(request.user_id)
    if stored is not None and stored.stamp == reads.state.stamp and request.exclude_purchased:
        return _candidates(request, reads, stored.past, stored.entries, checked=True)
    past = current_past(request, reads, further=1 + looks_up(request, reads))
    if past is None:
        return Candidates()
    wanted = profiles.wanted_by(past)
    if reads.missing(wanted) and reads.left < 1 + looks_up(request, reads):
        return Candidates()  # As a fallback, after what went before.
    fallbacks = ready_rows(request.fallbacks)
    if reads.missing(wanted | fallbacks) <= reads.room(Wanted()):
        # In the same round trip, in case the list is not full without them.
        reads.fetch(wanted | fallbacks)
    entries, known = profiles.model_entries(
        past=past, reads=reads, exclude_purchased=request.exclude_purchased
    )
    if not known and stored is not None:
        # What is alike by words is so under any model; to look for it anew takes further queries.
        alike = (entry for entry in stored.entries if entry.source == content.SOURCE)
        entries = profiles.with_alike(entries, alike, past=past)
    return _candidates(
        request,
        reads,
        past,
        entries,
        renewed=_renewed(reads, stored, entries) if known and request.exclude_purchased else None,
    )


def _candidates(
    request: Request,
    reads: Reads,
    past: Past,
    entries: Sequence[Entry],
    *,
    checked: bool = False,
    renewed: Profile | None = None,
) -> Candidates:
    history = past.history
    reasons = tuple(row.item_id for row in history) if request.explain else ()
    if request.fallbacks != FALLBACKS:
        entries = [entry for entry in entries if entry.source not in FALLBACKS]

    def because(item_ids: Collection[str]) -> Because:
        own = {entry.item_id for entry in entries if entry.source == "personal"}
        near = reads.neighbours(reasons, kind="similar")
        return causes(own.intersection(item_ids), history=history, neighbours=near)

    return Candidates(
        entries=entries,
        checked=checked,
        because=because,
        reasons_of=reasons,
        renewed=renewed,
    )


def _renewed(reads: Reads, stored: Profile | None, entries: Sequence[Entry]) -> Profile | None:
    """Return the present profile if the stored one and the model alone decide what is in it.

    After the first epoch all its products would have to be compared with the catalogue.
    """
    state = reads.state
    if stored is None or not state.names_all_hidden or not state.has_settings_of(stored.stamp):
        return None
    return make(user_id=stored.user_id, stamp=state.stamp, past=stored.past, entries=entries)


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


def looks_up(request: Request, reads: Reads) -> bool:
    """Tell whether what was not compared with the catalogue before must be, in a round trip."""
    return request.reads_catalogue or not reads.state.names_all_hidden


def current_past(request: Request, reads: Reads, *, further: int) -> Past | None:
    """Return what counts of the user's events; None of who has none.

    The stored profile says it, whichever model that was made with. Where there is none, or one that
    was made under other settings, a query of the events does, if the answer then still has as many
    round trips as it needs further. If not, what the stored one says goes on to hold, and who has
    none is unknown: the stream stores what is right with the user's next event, within seconds.
    """
    if request.user_id is None:
        return None
    stored = reads.profile(request.user_id)
    if stored is not None and reads.state.has_settings_of(stored.stamp):
        return stored.past
    if reads.left > further:
        reads.round_trips += 1
        return profiles.past_by_one_query(
            user_id=request.user_id, stored=stored, preferences=reads.state.preferences
        )
    return None if stored is None else stored.past


PERSONAL = Recommender(lambda request: Wanted(users=request.users), _propose)
