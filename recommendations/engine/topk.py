"""Sparse products that keep the largest entries of each row, in an order that never varies.

The order is by value, rounded to six significant digits, then by column. Rounding makes the
result the same on every machine and in every summation order; columns are ids in ascending order,
so that ties end in the order of ids.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from sparse_dot_topn.lib import _sparse_dot_topn_core as sparse_dot_topn

from recommendations.engine.matrix import row_numbers
from recommendations.engine.scaling import column_sums, scale, scale_in_place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

DIGITS = 6
BLOCK_ROWS = 16_384
# A block of rows is copied out of the matrix, at 24 bytes an entry.
BLOCK_ENTRIES = 4_000_000

# Of exactly equal values the C++ heap keeps any; lowering column j by j · 2⁻⁴⁴ of its value makes
# the first columns win. That is above float64 noise and, up to millions of columns, below the
# sixth digit.
_TIE_STEP = 2.0**-44
# Values that become equal only by rounding may straddle the last place: fetch a few more.
_SPARE = 8
# Outside of this range the scale that brings six digits before the point would overflow.
_SMALLEST, _LARGEST = 1e-290, 1e300
_POWERS = np.array([10.0**exponent for exponent in range(309)])


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
) -> Iterator[sparse.csr_matrix]:
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

    Yields
    ------
    csr_matrix of float64
        Each row of the block has its largest entry first.
    """
    right = scale(right, columns=_preference(right.shape[1]))
    for start in range(0, left.shape[0], block_rows):
        rows = left[start : start + block_rows].astype(np.float64)
        yield _largest(rows, right, k=k, threads=threads, first=start if skip_diagonal else None)


def gram_blocks(
    matrix: sparse.csr_matrix,
    *,
    k: int,
    row_factors: NDArray[np.float64] | None = None,
    threads: int | None = None,
    block_rows: int = BLOCK_ROWS,
    block_entries: int = BLOCK_ENTRIES,
) -> Iterator[sparse.csr_matrix]:
    """Yield the largest entries of each row of ``matrix.T @ matrix``, without the diagonal.

    The matrix itself is the only large thing in memory: it is lowered by the tie step in place,
    and transposed a few columns at a time.

    Parameters
    ----------
    matrix : csr_matrix of float64, shape (n_users, n_items)
        Not to be used any more by the caller.
    k : int
        Entries to keep per row.
    row_factors : ndarray of float64, shape (n_items,), optional
        Multiply the rows of the result.
    threads : int, optional
        All cores when None; the result does not depend on it.
    block_rows, block_entries : int
        Bounds of a block; the result does not depend on them.

    Yields
    ------
    csr_matrix of float64, shape (rows of the block, n_items)
        Each row has its largest entry first.
    """
    n_items = matrix.shape[1]
    lowered = _preference(n_items)
    factors = (1.0 if row_factors is None else row_factors) / lowered
    counts = column_sums(matrix, exponent=0.0)
    scale_in_place(matrix, columns=lowered)
    for start, stop in row_blocks(counts, block_rows, block_entries):
        rows = matrix[:, start:stop].T.tocsr()
        scale_in_place(rows, rows=factors[start:stop])
        yield _largest(rows, matrix, k=k, threads=threads, first=start)


def product_topk(
    left: sparse.csr_matrix,
    right: sparse.csr_matrix,
    *,
    k: int,
    threads: int | None = None,
    block_rows: int = BLOCK_ROWS,
    skip_diagonal: bool = False,
) -> sparse.csr_matrix:
    """Return all blocks of `product_blocks` as one matrix."""
    blocks = product_blocks(
        left, right, k=k, threads=threads, block_rows=block_rows, skip_diagonal=skip_diagonal
    )
    return stack(blocks, k=k, shape=(left.shape[0], right.shape[1]))


def stack(
    blocks: Iterable[sparse.csr_matrix], *, k: int, shape: tuple[int, int]
) -> sparse.csr_matrix:
    """Return the blocks, at most ``k`` entries a row, below one another, rows in their order.

    `scipy.sparse.vstack` may sort the columns, and would hold everything twice.
    """
    # Pages that stay untouched take no memory.
    size = shape[0] * min(k, shape[1])
    values, columns = np.empty(size, dtype=np.float64), np.empty(size, dtype=np.int32)
    pointers = np.zeros(shape[0] + 1, dtype=np.int64)
    row = end = 0
    for block in blocks:
        start, end = end, end + block.nnz
        values[start:end], columns[start:end] = block.data, block.indices
        pointers[row + 1 : row + 1 + block.shape[0]] = start + block.indptr[1:]
        row += block.shape[0]
    return sparse.csr_matrix((values[:end], columns[:end], pointers), shape=shape)


def first_per_row(matrix: sparse.csr_matrix, *, k: int) -> sparse.csr_matrix:
    """Return the first ``k`` entries of each row, in their order."""
    counts = np.diff(matrix.indptr)
    if counts.max(initial=0) <= k:
        return matrix
    keep = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], counts) < k
    pointers = np.append(0, np.cumsum(np.minimum(counts, k)))
    return sparse.csr_matrix((matrix.data[keep], matrix.indices[keep], pointers), matrix.shape)


def round_significant(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return non-negative values rounded to six significant digits; below 1e-295, zero."""
    digits = DIGITS - 1 - np.floor(np.log10(np.clip(values, _SMALLEST, _LARGEST))).astype(np.int32)
    # Powers of ten are exact in float64 up to 22 only as positive exponents: divide by the
    # inverse where the scale is below one.
    up, down = _POWERS[np.maximum(digits, 0)], _POWERS[np.maximum(-digits, 0)]
    rounded: NDArray[np.float64] = np.rint(values * up / down) / up * down
    return rounded


def _preference(n_columns: int) -> NDArray[np.float64]:
    return 1.0 - _TIE_STEP * np.arange(n_columns, dtype=np.float64)


def row_blocks(
    entries: NDArray[np.float64], block_rows: int, block_entries: int
) -> Iterator[tuple[int, int]]:
    """Yield start and stop of runs of rows, bounded in rows and, unless of one row, in entries."""
    ends = np.cumsum(entries)
    start = 0
    while start < entries.size:
        room = block_entries + (ends[start - 1] if start else 0)
        fitting = int(np.searchsorted(ends, room, side="right"))
        stop = min(max(fitting, start + 1), start + block_rows)
        yield start, min(stop, entries.size)
        start = stop


def _largest(
    rows: sparse.csr_matrix,
    right: sparse.csr_matrix,
    *,
    k: int,
    threads: int | None,
    first: int | None,
) -> sparse.csr_matrix:
    """Return the top of ``rows @ right``; row 0 is row ``first`` if the diagonal is to go."""
    threads = threads_or_all(threads)
    fetch = min(k + (first is not None) + _SPARE, right.shape[1])
    if threads == 1:
        return _tidy(_multiply(rows, right, fetch, threads), k=k, first=first)
    # Each thread gets a run of rows of equal length: deal them out by their number of entries.
    heaviest = np.argsort(-np.diff(rows.indptr), kind="stable")
    order = np.concatenate([heaviest[thread::threads] for thread in range(threads)])
    block = _multiply(rows[order], right, fetch, threads)
    return _tidy(block[np.argsort(order)], k=k, first=first)


def _multiply(
    left: sparse.csr_matrix, right: sparse.csr_matrix, top_n: int, threads: int
) -> sparse.csr_matrix:
    shape = (left.shape[0], right.shape[1])
    if not left.nnz or not right.nnz:
        return sparse.csr_matrix(shape)
    # Not through the package's front, which copies all indices at each call.
    parallel = threads > 1 and sparse_dot_topn._has_openmp_support
    multiply = (
        partial(sparse_dot_topn.sp_matmul_topn_sorted_mt, n_threads=threads)
        if parallel
        else partial(sparse_dot_topn.sp_matmul_topn_sorted, density=1.0)
    )
    found = multiply(
        top_n=top_n,
        nrows=shape[0],
        ncols=shape[1],
        threshold=0.0,
        A_data=left.data,
        A_indptr=left.indptr.astype(np.int32, copy=False),
        A_indices=left.indices.astype(np.int32, copy=False),
        B_data=right.data,
        B_indptr=right.indptr.astype(np.int32, copy=False),
        B_indices=right.indices.astype(np.int32, copy=False),
    )
    return sparse.csr_matrix(found, shape=shape)


def _tidy(block: sparse.csr_matrix, *, k: int, first: int | None) -> sparse.csr_matrix:
    """Return the block in final order and cut; rows are already in order of unrounded values."""
    rows, columns = row_numbers(block), block.indices
    values = round_significant(block.data)
    wanted = values > 0
    if first is not None:
        wanted &= columns != rows + first
    rows, columns, values = rows[wanted], columns[wanted], values[wanted]
    swapped = (values[1:] == values[:-1]) & (columns[1:] < columns[:-1]) & (rows[1:] == rows[:-1])
    if swapped.any():
        affected = np.zeros(block.shape[0], dtype=bool)
        affected[rows[1:][swapped]] = True
        where = np.flatnonzero(affected[rows])
        order = where[np.lexsort((columns[where], -values[where], rows[where]))]
        columns[where], values[where] = columns[order], values[order]
    pointers = np.append(0, np.cumsum(np.bincount(rows, minlength=block.shape[0])))
    return first_per_row(sparse.csr_matrix((values, columns, pointers), block.shape), k=k)
