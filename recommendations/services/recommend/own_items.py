"""From a user's own products: what was bought more than once, and what was looked at."""

from collections.abc import Collection

from recommendations.engine.rank import Cause
from recommendations.profiles import Entry, Past
from recommendations.services.recommend.personal import current_past, looks_up
from recommendations.services.recommend.types import Because, Candidates, Recommender, Request
from recommendations.storage.reads import Reads, Wanted


def _wanted(request: Request) -> Wanted:
    return Wanted(users=request.users)


def _past(request: Request, reads: Reads) -> Past:
    further = bool(request.fallbacks) + looks_up(request, reads)
    return current_past(request, reads, further=further) or Past()


def _buy_again(request: Request, reads: Reads) -> Candidates:
    repeats = _past(request, reads).repeats
    reasons = {
        repeat.item_id: tuple(
            Cause(row.item_id, row.event, row.at, row.weight) for row in repeat.purchases
        )
        for repeat in repeats
    }

    def because(item_ids: Collection[str]) -> Because:
        return {item_id: reasons[item_id] for item_id in item_ids}

    return Candidates(
        entries=[Entry(repeat.item_id, repeat.score, "buy_again") for repeat in repeats],
        keeps_bought=True,
        because=because,
    )


def _recently_viewed(request: Request, reads: Reads) -> Candidates:
    return Candidates(
        entries=[
            # There is no score but the order: 1 for the newest, then 1/2, 1/3 and so on.
            Entry(item_id, round(1 / place, 6), "recently_viewed")
            for place, item_id in enumerate(_past(request, reads).viewed, start=1)
        ]
    )


BUY_AGAIN = Recommender(_wanted, _buy_again)
RECENTLY_VIEWED = Recommender(_wanted, _recently_viewed)
