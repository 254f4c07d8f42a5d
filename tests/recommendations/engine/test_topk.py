from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recommendations.engine.topk import gram_blocks, product_topk, round_significant, stack


def dense_topk(left, right, k, *, skip_diagonal=False):
    product = (left @ right).toarray()
    if skip_diagonal:
        np.fill_diagonal(product, 0)
    result = []
    for row in product:
        rounded = round_significant(row)
        order = sorted(np.flatnonzero(rounded > 0), key=lambda j: (-rounded[j], j))[:k]
        result.append([(int(j), float(rounded[j])) for j in order])
    return result


def as_lists(matrix):
    return [
        list(
            zip(matrix.indices[start:stop].tolist(), matrix.data[start:stop].tolist(), strict=True)
        )
        for start, stop in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)
    ]


small = st.integers(1, 12)


@st.composite
def matrices(draw):
    # Small whole numbers make many exact ties.
    rows, columns = draw(small), draw(small)
    cells = st.lists(st.integers(0, 2), min_size=rows * columns, max_size=rows * columns)
    dense = np.array(draw(cells), dtype=np.float64).reshape(rows, columns)
    return sparse.csr_matrix(dense)


@settings(deadline=None, max_examples=40)
@given(matrices(), st.integers(1, 5))
def test_top_entries_match_a_dense_product_ties_included(matrix, k):
    left = matrix.T.tocsr()
    found = product_topk(left, matrix, k=k, threads=1, skip_diagonal=True)
    assert as_lists(found) == dense_topk(matrix.T, matrix, k, skip_diagonal=True)


@settings(deadline=None, max_examples=40)
@given(matrices(), st.integers(1, 5), st.integers(1, 4))
def test_blocks_and_threads_change_nothing(matrix, k, block_rows):
    left = matrix.T.tocsr()
    whole = product_topk(left, matrix, k=k, threads=1)
    assert as_lists(product_topk(left, matrix, k=k, threads=2, block_rows=block_rows)) == as_lists(
        whole
    )


@settings(deadline=None, max_examples=40)
@given(matrices(), st.integers(1, 5), st.integers(1, 4), st.integers(1, 9), st.integers(1, 3))
def test_a_gram_matrix_is_the_same_in_any_blocks(matrix, k, block_rows, block_entries, threads):
    n_items = matrix.shape[1]
    factors = np.arange(1.0, n_items + 1.0)
    blocks = gram_blocks(
        matrix.copy(),
        k=k,
        row_factors=factors,
        threads=threads,
        block_rows=block_rows,
        block_entries=block_entries,
    )
    found = stack(blocks, k=k, shape=(n_items, n_items))
    expected = dense_topk(sparse.diags(factors) @ matrix.T, matrix, k, skip_diagonal=True)
    assert as_lists(found) == expected


@given(st.floats(1e-280, 1e280))
def test_rounding_keeps_six_digits_and_is_stable(value):
    rounded = round_significant(np.array([value]))
    assert rounded[0] == pytest.approx(value, rel=5.1e-6)
    assert round_significant(rounded)[0] == rounded[0]


def test_rounding_joins_values_that_differ_by_noise():
    low, high = round_significant(np.array([0.3, 0.1 + 0.2]))
    assert low == high
    assert round_significant(np.array([0.0, 1234567.0])).tolist() == [0.0, 1234570.0]
