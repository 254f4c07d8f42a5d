"""About products: what is similar to one, what is bought with it, what goes with a basket."""

from collections.abc import Collection, Sequence

from recommendations.engine.rank import MAX_HISTORY, HistoryItem, rank
from recommendations.engine.sessions import WINDOW, session_neighbours
from recommendations.profiles import READY, Entry, round_score
from recommendations.services.content import ASKED, content_entries
from recommendations.services.content import SOURCE as CONTENT
from recommendations.services.recommend.causes import causes
from recommendations.services.recommend.ready import ready_rows
from recommendations.services.recommend.types import Because, Candidates, Recommender, Request
from recommendations.storage.reads import Reads, Wanted


def _item(request: Request) -> tuple[str, ...]:
    return request.item_ids[:1]


def _similar_wanted(request: Request) -> Wanted:
    # The product itself too: the words of one that is newer than the model say what is like it.
    ids = _item(request)
    return Wanted(users=request.users, items=ids, neighbours={"similar": ids})


def _similar(request: Request, reads: Reads) -> Candidates:
    near = reads.neighbours(_item(request), kind="similar")
    rows = [row for found in near.values() for row in found]
    if not rows:
        return Candidates(entries=_by_words(_item(request), request, reads))
    return Candidates(
        entries=[
            # Nobody has both: the words of the two products spoke for the pair.
            Entry(row.item_id, round_score(row.weight), "similar" if row.support else CONTENT)
            for row in rows
        ],
        partners={row.item_id: row for row in rows},
    )


def _by_words(item_ids: Sequence[str], request: Request, reads: Reads) -> list[Entry]:
    queries = reads.left - 1
    if queries < 1:
        return []
    # The last round trip is for the products found, and for the fallbacks: few may be alike.
    along = ready_rows(request.fallbacks)
    return content_entries(item_ids=item_ids, reads=reads, queries=queries, along=along)


def _bought_together_wanted(request: Request) -> Wanted:
    # The product too, which tells a new one from one that nobody knows.
    ids = _item(request)
    return Wanted(users=request.users, items=ids, neighbours={"bought-together": ids})


def _bought_together(request: Request, reads: Reads) -> Candidates:
    rows = [row for item_id in _item(request) for row in reads.bought_together(item_id)]
    return Candidates(
        entries=[Entry(row.item_id, round_score(row.score), "bought_together") for row in rows],
        partners={row.item_id: row for row in rows},
    )


def _basket(request: Request) -> list[str]:
    """Return the products of a basket once each, the last ones last, at most 50."""
    return list(dict.fromkeys(reversed(request.item_ids)))[:MAX_HISTORY][::-1]


def _session_wanted(request: Request) -> Wanted:
    basket = _basket(request)
    return Wanted(
        users=request.users,
        items=basket[-ASKED:],
        neighbours={"similar": basket, "next": basket[-WINDOW:]},
    )


def _session(request: Request, reads: Reads) -> Candidates:
    basket = _basket(request)
    history = [HistoryItem(item_id, 1.0, "session", "", "") for item_id in basket]
    near = session_neighbours(
        basket,
        similar=reads.neighbours(basket, kind="similar"),
        following=reads.neighbours(basket[-WINDOW:], kind="next"),
    )
    if not any(near.values()):
        return Candidates(entries=_by_words(basket[::-1], request, reads))

    def because(item_ids: Collection[str]) -> Because:
        return causes(item_ids, history=history, neighbours=near)

    scored = rank(history=history, neighbours=near, exclude=basket, limit=READY, causes=0)
    return Candidates(
        entries=[Entry(row.item_id, round_score(row.score), "similar") for row in scored],
        because=because,
    )


SIMILAR = Recommender(_similar_wanted, _similar)
BOUGHT_TOGETHER = Recommender(_bought_together_wanted, _bought_together)
SESSION = Recommender(_session_wanted, _session)
