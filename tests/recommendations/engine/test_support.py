from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from recommendations.engine import support


@pytest.mark.parametrize("products", [1, 7, 10_000])
def test_supports_are_those_of_the_whole_product_in_any_blocks(monkeypatch, products):
    monkeypatch.setattr(support, "BLOCK_PRODUCTS", products)
    user_items = sparse.csr_matrix((np.random.default_rng(3).random((9, 6)) < 0.4).astype(float))
    whole = (user_items.T @ user_items).toarray()
    # Not in order of columns, as tables of neighbours are; the second item has no pairs.
    pairs = sparse.csr_matrix(
        (np.ones(5), np.array([4, 0, 5, 3, 1]), np.array([0, 2, 2, 3, 3, 5, 5])), shape=(6, 6)
    )
    found = support.shared_users(user_items.T.tocsr(), user_items, pairs)
    assert found.tolist() == [whole[0, 4], whole[0, 0], whole[2, 5], whole[4, 3], whole[4, 1]]
