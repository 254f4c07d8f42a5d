"""Neighbours for a session: what goes with its products, and what came after the last ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommendations.engine.packing import Neighbour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WINDOW = 5
POSITION_DECAY = 0.7


def session_neighbours(
    item_ids: Sequence[str],
    *,
    similar: Mapping[str, Sequence[Neighbour]],
    following: Mapping[str, Sequence[Neighbour]],
) -> dict[str, list[Neighbour]]:
    """Return one row per product of a session, to be ranked with equal weights.

    .. math:: W_{ij} = S_{ij} + c \\; 0.7^{d_i} N_{ij}

    with S the similar products, N what came next, and ``d_i`` how many products of the session
    came after i; N counts for the last five. The two are learned on scales of their own, so c
    makes the best score of both parts equal. Since the sum is linear, shares of a score remain
    shares of it.

    Parameters
    ----------
    item_ids : sequence of str
        The session, oldest first, each product once.
    similar, following : mapping of str to sequence of Neighbour
        Rows of the two models; those of other products are not looked at.

    References
    ----------
    Ludewig, Jannach: "Evaluation of session-based recommendation algorithms", UMUAI 28, 2018.
    """
    recent = {
        item_id: POSITION_DECAY**distance
        for distance, item_id in enumerate(reversed(item_ids[-WINDOW:]))
    }
    inside = set(item_ids)
    directed = {
        item_id: [(row.item_id, row.weight * factor) for row in following.get(item_id, ())]
        for item_id, factor in recent.items()
    }
    best_similar = _best(
        [[(r.item_id, r.weight) for r in similar.get(i, ())] for i in item_ids], inside
    )
    best_next = _best(list(directed.values()), inside)
    scale = best_similar / best_next if best_similar and best_next else 1.0
    rows: dict[str, list[Neighbour]] = {}
    for item_id in item_ids:
        weights: dict[str, float] = {}
        supports: dict[str, int] = {}
        for row in similar.get(item_id, ()):
            weights[row.item_id] = row.weight
            supports[row.item_id] = row.support
        for other, weight in directed.get(item_id, ()):
            weights[other] = weights.get(other, 0.0) + scale * weight
        rows[item_id] = [
            Neighbour(other, weight, supports.get(other, 0)) for other, weight in weights.items()
        ]
    return rows


def _best(rows: Sequence[Sequence[tuple[str, float]]], inside: set[str]) -> float:
    """Return the largest sum that a product outside the session has."""
    scores: dict[str, float] = {}
    for row in rows:
        for item_id, weight in row:
            if item_id not in inside:
                scores[item_id] = scores.get(item_id, 0.0) + weight
    return max(scores.values(), default=0.0)
