"""From events to sparse user-item matrices, with duplicates summed and long histories capped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from recommendations.engine.interactions import decoded
from recommendations.engine.rank import HISTORY_HALF_LIFE_DAYS, MAX_HISTORY, MAX_READ, scattered
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
    return _capped(
        matrix,
        max_items,
        lambda _, long_rows: [-_newest_times(interactions, long_rows)],
    )


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
    interactions: Interactions,
    *,
    row_sums: NDArray[np.float64],
    max_items: int | None = MAX_HISTORY,
) -> sparse.csr_matrix:
    """Return what scores are summed over: ``log2(1 + summed weight)`` of a user's main items.

    Of a longer history stay first the 96 items whose value, halved for every 120 days of age, is
    largest, then the ``max_items`` that carry the most: value times ``row_sums``. It is what
    `recommendations.engine.rank` does for one user.

    Parameters
    ----------
    interactions : Interactions
    row_sums : ndarray of float64, shape (n_items,)
        Summed weights of each item's neighbours.
    max_items : int, optional
        None for whole histories.
    """
    matrix = user_item_matrix(interactions)
    matrix.data = np.log2(1.0 + matrix.data)
    if max_items is None:
        return matrix

    def lately(entries: NDArray[np.int64], long_rows: NDArray[np.bool_]) -> list[NDArray[Any]]:
        newest = _newest_times(interactions, long_rows)
        half_lives = newest / (HISTORY_HALF_LIFE_DAYS * SECONDS_PER_DAY)
        items, places = np.unique(matrix.indices[entries], return_inverse=True)
        codes = np.array([scattered(interactions.item_ids[item]) for item in items], dtype=np.int64)
        return [-(np.log2(matrix.data[entries]) + half_lives), codes[places]]

    def carried(entries: NDArray[np.int64], _: NDArray[np.bool_]) -> list[NDArray[Any]]:
        return [-matrix.data[entries] * row_sums[matrix.indices[entries]]]

    return _capped(_capped(matrix, max(max_items, MAX_READ), lately), max_items, carried)


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
    max_items: int,
    order: Callable[[NDArray[np.int64], NDArray[np.bool_]], list[NDArray[Any]]],
) -> sparse.csr_matrix:
    """Keep of each row the first entries by some columns, then by item; changes the matrix.

    ``order`` is given the entries of the rows that are too long, and which rows those are; it
    returns the columns to sort by, the most important one first.
    """
    lengths = np.diff(matrix.indptr)
    long_rows = lengths > max_items
    if not long_rows.any():
        return matrix
    rows = np.repeat(np.flatnonzero(long_rows), lengths[long_rows])
    affected = matrix.indptr[rows] + ranks_within(rows)
    by = [rows, *order(affected, long_rows), matrix.indices[affected]]
    sorted_ = np.lexsort(by[::-1])
    beyond = ranks_within(rows[sorted_]) >= max_items
    matrix.data[affected[sorted_[beyond]]] = 0.0
    matrix.eliminate_zeros()
    return matrix


def _newest_times(interactions: Interactions, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the newest time of each pair of the chosen users, in order of users, then of items."""
    # An index of int32 is widened to eight bytes: of a block at a time.
    wanted = np.concatenate([chosen[part.users] for part in interactions.in_blocks()])
    interactions = interactions.take(wanted)
    users, items, times = interactions.users, interactions.items, interactions.times
    order = np.lexsort((-times, items, users))
    users, items, times = users[order], items[order], times[order]
    first = np.ones(users.size, dtype=bool)
    first[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
    newest: NDArray[np.float64] = times[first]
    return newest
