"""How many users stand behind a pair of items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommendations.engine.matrix import row_numbers
from recommendations.engine.topk import row_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

#: Bounds the memory for what items share, at about 16 bytes each.
BLOCK_PRODUCTS = 10_000_000


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
    found = np.zeros(pairs.nnz, dtype=np.int64)
    # What busy items share with all others is far more than the pairs asked for.
    products = item_users @ np.diff(user_items.indptr).astype(np.float64)
    for start, stop in row_blocks(products, pairs.shape[0], BLOCK_PRODUCTS):
        asked = pairs[start:stop]
        if asked.nnz:
            counts = (item_users[start:stop] @ user_items).tocsr()
            counts.sort_indices()
            part = slice(pairs.indptr[start], pairs.indptr[stop])
            found[part] = np.asarray(counts[row_numbers(asked), asked.indices]).ravel()
    return found
