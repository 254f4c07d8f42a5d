"""From events to sparse user-item matrices, with duplicates summed and long histories capped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from recommendations.engine.interactions import decoded
from recommendations.engine.rank import HISTORY_HALF_LIFE_DAYS, MAX_HISTORY
from recommendations.engine.weights import SECONDS_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from recommendations.engine.interactions import Interactions

#: A user with more items than this is more likely a reseller or a robot than a taste.
MAX_ITEMS_PER_USER = 1_000


def user_item_matrix(
    interactions: Interactions, *, max_items: int | None = None
) -> sparse.csr_matrix:
    """Return the weights of users for items, events of one pair summed.

    Parameters
    ----------
    interactions : Interactions
    max_items : int, optional
        Of a user with more items, only so many stay: those with the newest event, and among
        items equally new those whose id comes first.

    Returns
    -------
    csr_matrix of float64, shape (n_users, n_items)
        With sorted indices.
    """
    events = sparse.coo_matrix(
        (interactions.weight_codes, (interactions.users, interactions.items)),
        shape=(interactions.n_users, interactions.n_items),
    )
    # Codes are sorted in place of weights, for an eighth of the memory: they must not be summed.
    events.has_canonical_format = True
    matrix = events.tocsr()
    matrix.data = decoded(matrix.data, interactions.weight_values)
    matrix.sum_duplicates()
    if max_items is None:
        return matrix
    return _capped(matrix, interactions, max_items, lambda _, newest: newest)


def preference_matrix(
    interactions: Interactions, *, max_items: int = MAX_ITEMS_PER_USER
) -> sparse.csr_matrix:
    """Return what models learn from: summed weights, cut at 1.

    That a shopper takes an item says much, how often says little about other items.
    """
    matrix = user_item_matrix(interactions, max_items=max_items)
    np.minimum(matrix.data, 1.0, out=matrix.data)
    return matrix


def history_matrix(
    interactions: Interactions, *, max_items: int | None = MAX_HISTORY
) -> sparse.csr_matrix:
    """Return what scores are summed over: ``log2(1 + summed weight)`` of a user's main items.

    Of a longer history stay the ``max_items`` whose value, halved for every 120 days of age, is
    largest; equals by item id. It is what `recommendations.engine.rank` does for one user.
    """
    matrix = user_item_matrix(interactions)
    matrix.data = np.log2(1.0 + matrix.data)
    if max_items is None:
        return matrix
    return _capped(
        matrix,
        interactions,
        max_items,
        lambda values, newest: (
            np.log2(values) + newest / (HISTORY_HALF_LIFE_DAYS * SECONDS_PER_DAY)
        ),
    )


def ranks_within(groups: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Return each element's position within its group: 0, 1, … (groups must be contiguous)."""
    positions = np.arange(groups.size)
    starts = np.zeros(groups.size, dtype=np.int64)
    new = np.flatnonzero(groups[1:] != groups[:-1]) + 1
    starts[new] = new
    return positions - np.maximum.accumulate(starts)


def row_numbers(matrix: sparse.csr_matrix) -> NDArray[np.int32]:
    """Return the row of each stored entry."""
    return np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))


def _capped(
    matrix: sparse.csr_matrix,
    interactions: Interactions,
    max_items: int,
    key: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
) -> sparse.csr_matrix:
    """Keep of each row the entries with the largest key of value and newest time."""
    lengths = np.diff(matrix.indptr)
    long_rows = lengths > max_items
    if not long_rows.any():
        return matrix
    rows = np.repeat(np.flatnonzero(long_rows), lengths[long_rows])
    affected = matrix.indptr[rows] + ranks_within(rows)
    newest = _newest_times(interactions.take(long_rows[interactions.users]))
    keys = key(matrix.data[affected], newest)
    order = np.lexsort((matrix.indices[affected], -keys, rows))
    beyond = ranks_within(rows[order]) >= max_items
    matrix.data[affected[order[beyond]]] = 0.0
    matrix.eliminate_zeros()
    return matrix


def _newest_times(interactions: Interactions) -> NDArray[np.float64]:
    """Return the newest time of each user-item pair, in the order of users, then of items."""
    users, items, times = interactions.users, interactions.items, interactions.times
    order = np.lexsort((-times, items, users))
    users, items, times = users[order], items[order], times[order]
    first = np.ones(users.size, dtype=bool)
    first[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
    newest: NDArray[np.float64] = times[first]
    return newest
