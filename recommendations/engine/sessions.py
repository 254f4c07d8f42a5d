"""Neighbours for a session: what goes with its products, and what came after the last ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommendations.engine.packing import NO_NEIGHBOURS, Neighbours

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

WINDOW = 5
POSITION_DECAY = 0.7
# What came next as a share of what is similar. Where a step is an order of many products it says
# little: on Online Retail equal parts cost an eighth of the hits of similar products alone, and a
# tenth costs none. What comes next alone still answers where nothing is similar.
NEXT_WEIGHT = 0.1


def session_neighbours(
    item_ids: Sequence[str],
    *,
    similar: Mapping[str, Neighbours],
    following: Mapping[str, Neighbours],
) -> dict[str, Neighbours]:
    """Return one row per product of a session, to be ranked with equal weights.

    .. math:: W_{ij} = S_{ij} + c \\; 0.7^{d_i} N_{ij}

    with S the similar products, N what came next, and ``d_i`` how many products of the session
    came after i; N counts for the last five. The two are learned on scales of their own, so c
    makes the best score of the second part `NEXT_WEIGHT` times that of the first. Since the sum is
    linear, shares of a score remain shares of it.

    Parameters
    ----------
    item_ids : sequence of str
        The session, oldest first, each product once.
    similar, following : mapping of str to Neighbours
        Rows of the two models; those of other products are not looked at.

    References
    ----------
    Ludewig, Jannach: "Evaluation of session-based recommendation algorithms", UMUAI 28, 2018.
    """
    rows = {item_id: similar.get(item_id, NO_NEIGHBOURS) for item_id in item_ids}
    directed = {
        item_id: _scaled(following.get(item_id, NO_NEIGHBOURS), POSITION_DECAY**distance)
        for distance, item_id in enumerate(reversed(item_ids[-WINDOW:]))
    }
    inside = set(item_ids)
    best_next = _best(directed.values(), inside)
    if not best_next:
        return rows
    best_similar = _best(rows.values(), inside)
    scale = NEXT_WEIGHT * best_similar / best_next if best_similar else 1.0
    for item_id, after in directed.items():
        rows[item_id] = _added(rows[item_id], _scaled(after, scale))
    return rows


def _scaled(row: Neighbours, factor: float) -> Neighbours:
    return Neighbours(row.item_ids, [factor * weight for weight in row.weights], row.supports)


def _added(row: Neighbours, other: Neighbours) -> Neighbours:
    """Return the sum of two rows; where both name an item, the first one's support stays."""
    weights = dict(zip(row.item_ids, row.weights, strict=True))
    supports = dict(zip(row.item_ids, row.supports, strict=True))
    for item_id, weight, support in other:
        weights[item_id] = weights.get(item_id, 0.0) + weight
        supports.setdefault(item_id, support)
    return Neighbours(list(weights), list(weights.values()), list(supports.values()))


def _best(rows: Iterable[Neighbours], inside: Collection[str]) -> float:
    """Return the largest sum that a product outside the session has."""
    scores: dict[str, float] = {}
    for row in rows:
        for item_id, weight in zip(row.item_ids, row.weights, strict=True):
            scores[item_id] = scores.get(item_id, 0.0) + weight
    return max((score for item_id, score in scores.items() if item_id not in inside), default=0.0)
