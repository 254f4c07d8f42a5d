"""Sparse products that keep the largest entries of each row, in an order that never varies.

The order is by value, rounded to six significant digits, then by column. Rounding makes the
result the same on every machine and in every summation order; columns are ids in ascending order,
so that ties end in the order of ids.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from sparse_dot_topn import sp_matmul_topn

from recommendations.engine.matrix import row_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

DIGITS = 6
BLOCK_ROWS = 16_384

# Of exactly equal values the C++ heap keeps any; lowering column j by j · 2⁻⁴⁴ of its value makes
# the first columns win. That is above float64 noise and, up to millions of columns, below the
# sixth digit.
_TIE_STEP = 2.0**-44
# Values that become equal only by rounding may straddle the last place: fetch a few more.
_SPARE = 8


def threads_or_all(threads: int | None) -> int:
    """Return the number of threads to use; None means one per available core."""
    return threads or len(os.sched_getaffinity(0))


def product_blocks(
    left: sparse.csr_matrix,
    right: sparse.csr_matrix,
    *,
    k: int,
    threads: int | None = None,
    block_rows: int = BLOCK_ROWS,
    skip_diagonal: bool = False,
    row_factors: NDArray[np.float64] | None = None,
) -> Iterator[tuple[int, sparse.csr_matrix]]:
    """Yield ``left @ right``, the ``k`` largest positive entries of each row, block by block.

    Parameters
    ----------
    left : csr_matrix, shape (n_rows, n_inner)
        Of any number type; a block at a time becomes float64.
    right : csr_matrix of float64, shape (n_inner, n_columns)
    k : int
        Entries to keep per row.
    threads : int, optional
        All cores when None; the result does not depend on it.
    block_rows : int
        Rows per block; the result does not depend on it.
    skip_diagonal : bool
        Leave out entry (i, i).
    row_factors : ndarray of float64, shape (n_rows,), optional
        Multiply the rows of the result.

    Yields
    ------
    (first_row, block) : int, csr_matrix of float64
        Each row of the block has its largest entry first.
    """
    right = _prefer_first_columns(right)
    fetch = min(k + skip_diagonal + _SPARE, right.shape[1])
    for start in range(0, left.shape[0], block_rows):
        rows = left[start : start + block_rows].astype(np.float64)
        if row_factors is not None:
            rows.data *= np.repeat(row_factors[start : start + block_rows], np.diff(rows.indptr))
        block = sp_matmul_topn(
            rows,
            right,
            top_n=fetch,
            threshold=0.0,
            sort=True,
            n_threads=threads_or_all(threads),
        )
        yield start, _tidy(block, k=k, first_row=start if skip_diagonal else None)


def product_topk(
    left: sparse.csr_matrix,
    right: sparse.csr_matrix,
    *,
    k: int,
    threads: int | None = None,
    block_rows: int = BLOCK_ROWS,
    skip_diagonal: bool = False,
    row_factors: NDArray[np.float64] | None = None,
) -> sparse.csr_matrix:
    """Return all blocks of `product_blocks` as one matrix."""
    found = product_blocks(
        left,
        right,
        k=k,
        threads=threads,
        block_rows=block_rows,
        skip_diagonal=skip_diagonal,
        row_factors=row_factors,
    )
    blocks = [block for _, block in found]
    if not blocks:
        return sparse.csr_matrix((left.shape[0], right.shape[1]))
    return stack(blocks)


def stack(blocks: Sequence[sparse.csr_matrix]) -> sparse.csr_matrix:
    """Return the blocks below one another, each row in its given order.

    `scipy.sparse.vstack` may sort the columns and so lose the order by value.
    """
    counts = np.concatenate([np.diff(block.indptr) for block in blocks])
    return sparse.csr_matrix(
        (
            np.concatenate([block.data for block in blocks]),
            np.concatenate([block.indices for block in blocks]),
            np.concatenate(([0], np.cumsum(counts))),
        ),
        shape=(counts.size, blocks[0].shape[1]),
    )


def largest_per_row(
    matrix: sparse.csr_matrix, *, k: int, threads: int | None = None
) -> sparse.csr_matrix:
    """Return the ``k`` largest positive entries of each row, largest first."""
    one = sparse.identity(matrix.shape[0], format="csr")
    return product_topk(one, matrix, k=k, threads=threads)


def round_significant(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return non-negative values rounded to six significant digits.

    Zero stays zero; so do values below 1e-290, where the scale would overflow.
    """
    rounded = np.zeros_like(values)
    exponents = np.log10(values, where=values > 1e-290, out=np.full_like(values, -np.inf))
    large = np.isfinite(exponents)
    digits = (DIGITS - 1 - np.floor(exponents[large])).astype(np.int64)
    # Powers of ten are exact in float64 up to 22 only as positive exponents: divide by the
    # inverse where the scale is below one.
    up, down = 10.0 ** np.maximum(digits, 0), 10.0 ** np.maximum(-digits, 0)
    rounded[large] = np.rint(values[large] * up / down) / up * down
    return rounded


def _prefer_first_columns(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    data = matrix.data * (1.0 - _TIE_STEP * matrix.indices)
    return sparse.csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _tidy(block: sparse.csr_matrix, *, k: int, first_row: int | None) -> sparse.csr_matrix:
    rows = row_numbers(block)
    columns, values = block.indices, round_significant(block.data)
    if first_row is not None:
        others = columns != rows + first_row
        rows, columns, values = rows[others], columns[others], values[others]
    swapped = (rows[1:] == rows[:-1]) & (values[1:] == values[:-1]) & (columns[1:] < columns[:-1])
    if swapped.any():
        affected = np.isin(rows, rows[1:][swapped])
        where = np.flatnonzero(affected)
        order = where[np.lexsort((columns[where], -values[where], rows[where]))]
        columns[where], values[where] = columns[order], values[order]
    return _cut(rows, columns, values, k=k, shape=block.shape)


def _cut(
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    values: NDArray[np.float64],
    *,
    k: int,
    shape: tuple[int, int],
) -> sparse.csr_matrix:
    """Return a matrix of the first ``k`` positive entries of each row, given in final order."""
    positive = values > 0
    rows, columns, values = rows[positive], columns[positive], values[positive]
    counts = np.bincount(rows, minlength=shape[0])
    starts = np.concatenate(([0], np.cumsum(counts)))
    keep = np.arange(rows.size) - starts[rows] < k
    pointers = np.concatenate(([0], np.cumsum(np.minimum(counts, k))))
    return sparse.csr_matrix((values[keep], columns[keep], pointers), shape=shape)
