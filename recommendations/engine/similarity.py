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

from recommendations.engine.scaling import (
    column_sums,
    inverse_power,
    row_sums,
    scale,
    scale_in_place,
)
from recommendations.engine.topk import gram_blocks, stack

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse


def co_occurrence_neighbours(
    matrix: sparse.csr_matrix,
    *,
    k: int,
    user_exponent: float = 1.0,
    row_exponent: float = 1.0,
    column_exponent: float = 0.1,
    column_factor: NDArray[np.float64] | None = None,
    threads: int | None = None,
    overwrite: bool = False,
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
        Multiplies column j before the cut, for a trend; positive.
    threads : int, optional
        All cores when None; the result does not depend on it.
    overwrite : bool
        Work in the memory of ``matrix``, which is of no use afterwards.

    Returns
    -------
    csr_matrix of float64, shape (n_items, n_items)
        P, largest entry of each row first, no diagonal. Beside ``matrix`` it takes memory for the
        result and, unless that may be overwritten, for one float64 per stored entry.
    """
    item_sums = column_sums(matrix, exponent=1.0)
    columns = inverse_power(item_sums, column_exponent)
    if column_factor is not None:
        columns = columns * column_factor
    users = inverse_power(row_sums(matrix), user_exponent / 2)
    if not (overwrite and matrix.dtype == np.float64):
        matrix = scale(matrix)
    # One matrix times its own transpose needs no second one in memory: the columns' factors get
    # into the rows as well, and are taken out of them again.
    scale_in_place(matrix, rows=users, columns=columns)
    rows = inverse_power(item_sums, row_exponent) * inverse_power(columns, 1.0)
    blocks = gram_blocks(matrix, k=k, row_factors=rows, threads=threads)
    return stack(blocks, k=k, shape=(matrix.shape[1], matrix.shape[1]))
