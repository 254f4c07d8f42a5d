"""One table from two: co-occurrence P and local ridge R, in equal units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from recommendations.engine.scaling import scale
from recommendations.engine.topk import BLOCK_ROWS, first_per_row, product_topk, stack

if TYPE_CHECKING:
    from numpy.typing import NDArray


def blended(
    base: sparse.csr_matrix,
    ridge: sparse.csr_matrix,
    *,
    refined: NDArray[np.bool_],
    base_share: float,
    k: int,
    threads: int | None = None,
) -> sparse.csr_matrix:
    """Return the ``k`` largest per row of ``α r P + (1 - α) R``.

    The ratio r of the two sums makes both parts weigh the same; it is taken over refined columns.
    A column that R has not reached yet is ``r P``.

    Parameters
    ----------
    base, ridge : csr_matrix, shape (n_items, n_items)
        P, largest entry of each row first, and R, both with the trend applied.
    refined : ndarray of bool, shape (n_items,)
        Columns for which R is known.
    base_share : float
        α, between 0 and 1.
    k : int
    threads : int, optional
        All cores when None; the result does not depend on it.

    Returns
    -------
    csr_matrix of float64, shape (n_items, n_items)
        Largest entry of each row first.
    """
    common = float(base.data[refined[base.indices]].sum())
    if not ridge.nnz or not common:
        return first_per_row(base, k=k)
    ratio = float(ridge.data.sum(dtype=np.float64)) / common
    base = scale(base, columns=ratio * np.where(refined, base_share, 1.0))
    blocks = []
    for start in range(0, base.shape[0], BLOCK_ROWS):
        parts = base[start : start + BLOCK_ROWS], ridge[start : start + BLOCK_ROWS]
        one = sparse.identity(parts[0].shape[0], format="csr")
        left = sparse.hstack((one, (1.0 - base_share) * one), format="csr")
        right = sparse.vstack(parts, format="csr").astype(np.float64)
        blocks.append(product_topk(left, right, k=k, threads=threads))
    return stack(blocks, k=k, shape=base.shape)
