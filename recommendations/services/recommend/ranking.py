"""The same products in another order: best for a user first."""

from collections.abc import Sequence

from recommendations.engine.rank import rank as rank_history
from recommendations.profiles import FALLBACKS, Entry, Past, round_score
from recommendations.services import attribution
from recommendations.services.recommend.causes import causes
from recommendations.services.recommend.personal import current_past, looks_up
from recommendations.services.recommend.types import Answer, Recommendation, Request
from recommendations.storage.reads import Reads, Wanted

# Of a product that nothing is known about: it stays where it was given.
GIVEN = "given"


def rank(
    *, user_id: str, item_ids: Sequence[str], explain: bool = False, expand: bool = False
) -> Answer:
    """Return the same products, all of them, each once, best for the user first.

    Those that the user's history speaks for come first, then those that are trending or popular,
    then the others as they were given. What is not available or disliked comes last. It takes at
    most three round trips.
    """
    given = dict.fromkeys(item_ids)
    request = Request(recommender="personal", user_id=user_id, item_ids=tuple(given), expand=expand)
    reads = Reads()
    reads.fetch(Wanted(users=[user_id]))
    looked_up = given if looks_up(request, reads) else ()
    past = current_past(request, reads, further=1 + bool(looked_up)) or Past()
    history = past.history
    reasons = [row.item_id for row in history]
    reads.fetch(Wanted(items=looked_up, neighbours={"similar": reasons}, lists=FALLBACKS))
    near = reads.neighbours(reasons, kind="similar")
    last = {*past.disliked, *reads.state.hidden, *filter(reads.is_gone, given)}
    others = {row.item_id for rows in near.values() for row in rows}.difference(given)
    scored = rank_history(
        history=history, neighbours=near, exclude=last | others, limit=len(given), causes=0
    )
    entries = {
        row.item_id: Entry(row.item_id, round_score(row.score), "personal") for row in scored
    }
    for name in FALLBACKS:
        for item_id, score in reads.ready_list(name):
            if item_id in given and item_id not in last:
                entries.setdefault(item_id, Entry(item_id, score, name))
    for item_id in sorted(given, key=lambda item_id: item_id in last):
        entries.setdefault(item_id, Entry(item_id, 0.0, GIVEN))
    own = [row.item_id for row in scored]
    because = causes(own, history=history, neighbours=near) if explain else {}
    results = tuple(
        Recommendation(
            item_id=entry.item_id,
            score=entry.score,
            source=entry.source,
            because=because.get(entry.item_id, ()),
        )
        for entry in entries.values()
    )
    return Answer(
        recommendation_id=attribution.new_id(recommender="personal"),
        model_version=reads.state.live_version,
        source=results[0].source if results else "personal",
        results=results,
        items=reads.items(given) if expand else None,
    )
