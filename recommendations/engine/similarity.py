"""Degree-normalised co-occurrence of items: the model P.

One family of exponents holds cosine, conditional probability, P³alpha, RP³beta and the linear part
of graph filtering:

.. math:: C_{ij} = \\sum_u x_{ui} x_{uj} / n_u^g, \\qquad P_{ij} = C_{ij} / (n_i^a n_j^b)

with n the sums of rows and columns of x.

References
----------
Paudel, Christoffel, Newell, Bernstein: "Updatable, accurate, diverse, and scalable recommendations
for interactive applications", ACM TiiS 7(1), 2016. Shen et al.: "How powerful is graph convolution
for recommendation?", CIKM 2021.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from recommendations.engine.topk import product_topk

if TYPE_CHECKING:
    from numpy.typing import NDArray


def co_occurrence_neighbours(
    matrix: sparse.csr_matrix,
    *,
    k: int,
    user_exponent: float = 1.0,
    row_exponent: float = 1.0,
    column_exponent: float = 0.1,
    column_factor: NDArray[np.float64] | None = None,
    threads: int | None = None,
) -> sparse.csr_matrix:
    """Return the ``k`` items that go best with each item.

    Parameters
    ----------
    matrix : csr_matrix of float32 or float64, shape (n_users, n_items)
        Weights x, not negative.
    k : int
        Neighbours per item.
    user_exponent, row_exponent, column_exponent : float
        g, a and b.
    column_factor : ndarray of float64, shape (n_items,), optional
        Multiplies column j before the cut, for a trend.
    threads : int, optional
        All cores when None; the result does not depend on it.

    Returns
    -------
    csr_matrix of float64, shape (n_items, n_items)
        P, largest entry of each row first, no diagonal. Beside ``matrix`` it takes memory for its
        transpose, for one array of float64 per stored entry, and for the result.
    """
    item_sums = np.asarray(matrix.sum(axis=0), dtype=np.float64).ravel()
    columns = inverse_power(item_sums, column_exponent)
    if column_factor is not None:
        columns = columns * column_factor
    return product_topk(
        matrix.T.tocsr(),
        scale(matrix, rows=inverse_power(row_sums(matrix), user_exponent), columns=columns),
        k=k,
        threads=threads,
        skip_diagonal=True,
        row_factors=inverse_power(item_sums, row_exponent),
    )


def inverse_power(sums: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """Return ``sums ** -exponent``, and zero where the sum is zero."""
    return np.power(sums, -exponent, where=sums > 0, out=np.zeros_like(sums, dtype=np.float64))


def row_sums(matrix: sparse.csr_matrix) -> NDArray[np.float64]:
    """Return the sum of each row."""
    return np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()


def scale(
    matrix: sparse.csr_matrix,
    *,
    rows: NDArray[np.float64] | None = None,
    columns: NDArray[np.float64] | None = None,
) -> sparse.csr_matrix:
    """Return the matrix with rows and columns multiplied; the structure is shared, not copied."""
    data = matrix.data.astype(np.float64)
    if rows is not None:
        data *= np.repeat(rows, np.diff(matrix.indptr))
    if columns is not None:
        data *= columns[matrix.indices]
    return sparse.csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)
