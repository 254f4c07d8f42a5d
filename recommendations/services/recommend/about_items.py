"""About products: what is similar to one, what is bought with it, what goes with a basket."""

from collections.abc import Collection, Mapping, Sequence

from recommendations.engine.packing import Neighbour
from recommendations.engine.rank import MAX_HISTORY, HistoryItem, rank
from recommendations.profiles import READY, Entry, round_score
from recommendations.services.recommend.types import (
    MAX_CAUSES,
    Because,
    Candidates,
    Recommender,
    Request,
)
from recommendations.storage.reads import Reads, Wanted


def _similar_wanted(request: Request) -> Wanted:
    return Wanted(users=request.users, neighbours={"similar": request.item_ids[:1]})


def _similar(request: Request, reads: Reads) -> Candidates:
    near = reads.neighbours(request.item_ids[:1], kind="similar")
    rows = [row for found in near.values() for row in found]
    return Candidates(
        entries=[Entry(row.item_id, round_score(row.weight), "similar") for row in rows],
        partners={row.item_id: row for row in rows},
    )


def _bought_together_wanted(request: Request) -> Wanted:
    return Wanted(users=request.users, neighbours={"bought-together": request.item_ids[:1]})


def _bought_together(request: Request, reads: Reads) -> Candidates:
    rows = [row for item_id in request.item_ids[:1] for row in reads.bought_together(item_id)]
    return Candidates(
        entries=[Entry(row.item_id, round_score(row.score), "bought_together") for row in rows],
        partners={row.item_id: row for row in rows},
    )


def _basket(request: Request) -> list[str]:
    """Return the products of a basket once each, the last ones last, at most 50."""
    return list(dict.fromkeys(reversed(request.item_ids)))[:MAX_HISTORY][::-1]


def _session_wanted(request: Request) -> Wanted:
    return Wanted(users=request.users, neighbours={"similar": _basket(request)})


def _session(request: Request, reads: Reads) -> Candidates:
    basket = _basket(request)
    history = [HistoryItem(item_id, 1.0, "session", "", "") for item_id in basket]
    near = reads.neighbours(basket, kind="similar")

    def because(item_ids: Collection[str]) -> Because:
        return _causes(item_ids, history=history, near=near)

    scored = rank(history=history, neighbours=near, exclude=basket, limit=READY, causes=0)
    return Candidates(
        entries=[Entry(row.item_id, round_score(row.score), "similar") for row in scored],
        because=because,
    )


def _causes(
    item_ids: Collection[str],
    *,
    history: Sequence[HistoryItem],
    near: Mapping[str, Sequence[Neighbour]],
) -> Because:
    others = {row.item_id for rows in near.values() for row in rows}.difference(item_ids)
    scored = rank(
        history=history, neighbours=near, exclude=others, limit=len(item_ids), causes=MAX_CAUSES
    )
    return {row.item_id: row.causes for row in scored}


SIMILAR = Recommender(_similar_wanted, _similar)
BOUGHT_TOGETHER = Recommender(_bought_together_wanted, _bought_together)
SESSION = Recommender(_session_wanted, _session)
