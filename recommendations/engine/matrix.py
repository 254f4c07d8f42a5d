"""From events to the sparse user-item matrix, with duplicates summed and long histories capped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommendations.engine.interactions import Interactions

#: A user with more items than this is more likely a reseller or a robot than a taste.
MAX_ITEMS_PER_USER = 1_000


def user_item_matrix(
    interactions: Interactions, *, max_items: int = MAX_ITEMS_PER_USER
) -> sparse.csr_matrix:
    """Return the weights of users for items, events of one pair summed.

    Parameters
    ----------
    interactions : Interactions
    max_items : int
        Of a user with more items, only so many stay: those with the newest event, and among
        items equally new those whose id comes first.

    Returns
    -------
    csr_matrix of float64, shape (n_users, n_items)
        With sorted indices.
    """
    shape = (interactions.n_users, interactions.n_items)
    matrix = sparse.csr_matrix(
        (interactions.weights, (interactions.users, interactions.items)), shape=shape
    )
    matrix.sum_duplicates()
    long = np.diff(matrix.indptr) > max_items
    if long.any():
        surplus = _surplus(interactions.take(long[interactions.users]), max_items)
        matrix -= matrix.multiply(surplus)
        matrix.eliminate_zeros()
    return matrix


def _surplus(interactions: Interactions, max_items: int) -> sparse.csr_matrix:
    """Return ones where a user's item is beyond the newest ``max_items``."""
    users, items, times = interactions.users, interactions.items, interactions.times
    newest_first = np.lexsort((-times, items, users))
    users, items, times = users[newest_first], items[newest_first], times[newest_first]
    fresh = np.ones(users.size, dtype=bool)
    fresh[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
    users, items, times = users[fresh], items[fresh], times[fresh]
    by_recency = np.lexsort((items, -times, users))
    users, items = users[by_recency], items[by_recency]
    beyond = ranks_within(users) >= max_items
    return sparse.csr_matrix(
        (np.ones(int(beyond.sum())), (users[beyond], items[beyond])),
        shape=(interactions.n_users, interactions.n_items),
    )


def ranks_within(groups: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return each element's position within its group: 0, 1, … (groups must be contiguous)."""
    positions = np.arange(groups.size)
    starts = np.zeros(groups.size, dtype=np.int64)
    new = np.flatnonzero(groups[1:] != groups[:-1]) + 1
    starts[new] = new
    return positions - np.maximum.accumulate(starts)
