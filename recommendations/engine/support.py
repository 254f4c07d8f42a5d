"""How many users stand behind a pair of items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommendations.engine.matrix import row_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse


def shared_users(
    item_users: sparse.csr_matrix, user_items: sparse.csr_matrix, pairs: sparse.csr_matrix
) -> NDArray[np.int64]:
    """Return the number of users who have both items of each pair.

    Parameters
    ----------
    item_users : csr_matrix, shape (n_rows, n_users)
        Ones: the users of the pairs' first items.
    user_items : csr_matrix, shape (n_users, n_items)
        Ones.
    pairs : csr_matrix, shape (n_rows, n_items)
        The pairs are its stored entries.

    Returns
    -------
    ndarray of int64, shape (pairs.nnz,)
        In the order in which the pairs are stored.
    """
    if not pairs.nnz:
        return np.zeros(0, dtype=np.int64)
    counts = (item_users @ user_items).tocsr()
    counts.sort_indices()
    return np.asarray(counts[row_numbers(pairs), pairs.indices], dtype=np.int64).ravel()
