"""Rows and columns of sparse matrices, multiplied by factors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 1 << 16
_ENTRIES = 1 << 22


def inverse_power(sums: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """Return ``sums ** -exponent``, and zero where the sum is zero."""
    return np.power(sums, -exponent, where=sums > 0, out=np.zeros_like(sums, dtype=np.float64))


def row_sums(matrix: sparse.csr_matrix) -> NDArray[np.float64]:
    """Return the sum of each row."""
    return np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()


def column_sums(matrix: sparse.csr_matrix, *, exponent: float) -> NDArray[np.float64]:
    """Return the sum over each column of its stored values to a power; 0 counts them."""
    sums = np.zeros(matrix.shape[1])
    # Some entries at a time: `numpy.bincount` makes eight bytes of each index and of each value.
    for start in range(0, matrix.nnz, _ENTRIES):
        part = slice(start, start + _ENTRIES)
        powers = matrix.data[part] ** exponent
        sums += np.bincount(matrix.indices[part], weights=powers, minlength=sums.size)
    return sums


def scale(
    matrix: sparse.csr_matrix,
    *,
    rows: NDArray[np.float64] | None = None,
    columns: NDArray[np.float64] | None = None,
) -> sparse.csr_matrix:
    """Return the matrix with rows and columns multiplied; the structure is shared, not copied."""
    data = matrix.data.astype(np.float64)
    scaled = sparse.csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)
    scale_in_place(scaled, rows=rows, columns=columns)
    return scaled


def scale_in_place(
    matrix: sparse.csr_matrix,
    *,
    rows: NDArray[np.float64] | None = None,
    columns: NDArray[np.float64] | None = None,
) -> None:
    """Multiply rows and columns of a float64 matrix, some rows at a time to save memory."""
    for first in range(0, matrix.shape[0], _ROWS):
        pointers = matrix.indptr[first : first + _ROWS + 1]
        part = slice(pointers[0], pointers[-1])
        if rows is not None:
            matrix.data[part] *= np.repeat(rows[first : first + _ROWS], np.diff(pointers))
        if columns is not None:
            matrix.data[part] *= columns[matrix.indices[part]]
