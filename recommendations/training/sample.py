"""Smaller sets of interactions that stand for large ones, so that trials stay bounded."""

from dataclasses import replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from recommendations.engine.interactions import Interactions

_HASHES = 2**32


def sample_users(interactions: Interactions, *, max_events: int) -> Interactions:
    """Return all events of a share of the users, about ``max_events``.

    Users are drawn by a hash of their id, so that one training sees the same users as the next and
    their results may be compared. Items that none of them took are left out.
    """
    if len(interactions) <= max_events:
        return interactions
    bar = int(_HASHES * max_events / len(interactions))
    chosen = np.fromiter(
        (crc32(user_id.encode()) < bar for user_id in interactions.user_ids),
        dtype=bool,
        count=interactions.n_users,
    )
    return _only(interactions, chosen[interactions.users])


def most_taken(interactions: Interactions, *, max_items: int) -> Interactions:
    """Return the events of the ``max_items`` items that have most events; equals by id."""
    if interactions.n_items <= max_items:
        return interactions
    counts = np.bincount(interactions.items, minlength=interactions.n_items)
    chosen = np.zeros(interactions.n_items, dtype=bool)
    chosen[np.argsort(-counts, kind="stable")[:max_items]] = True
    return _only(interactions, chosen[interactions.items])


def _only(interactions: Interactions, rows: NDArray[np.bool_]) -> Interactions:
    """Return some events, among the items that they are about."""
    kept = interactions.take(rows)
    used, codes = np.unique(kept.items, return_inverse=True)
    item_ids = tuple(interactions.item_ids[code] for code in used)
    return replace(kept, items=codes.astype(np.int32), item_ids=item_ids)
