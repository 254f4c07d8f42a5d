"""Measures of one ranked list against what a user then did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommendations.engine.matrix import ranks_within, row_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse


def hits_by_rank(
    recommended: sparse.csr_matrix, relevant: sparse.csr_matrix, k: int
) -> NDArray[np.bool_]:
    """Return whether the item at each rank was one that the user then took.

    Parameters
    ----------
    recommended : csr_matrix, shape (n_users, n_items)
        Scores, best first in each row.
    relevant : csr_matrix, shape (n_users, n_items)
        Its stored entries are the items taken.
    k : int

    Returns
    -------
    ndarray of bool, shape (n_users, k)
    """
    hits = np.zeros((recommended.shape[0], k), dtype=bool)
    rows = row_numbers(recommended)
    ranks = ranks_within(rows)
    top = ranks < k
    rows, columns, ranks = rows[top], recommended.indices[top], ranks[top]
    if rows.size and relevant.nnz:
        taken = np.asarray(relevant[rows, columns]).ravel() > 0
        hits[rows[taken], ranks[taken]] = True
    return hits


def per_user_metrics(
    hits: NDArray[np.bool_], relevant_counts: NDArray[np.int64], k: int
) -> dict[str, NDArray[np.float64]]:
    """Return recall, NDCG, reciprocal rank and hit for each user, at ``k``.

    Parameters
    ----------
    hits : ndarray of bool, shape (n_users, at least k)
    relevant_counts : ndarray of int64, shape (n_users,)
        Positive.
    k : int

    Returns
    -------
    dict of str to ndarray of float64, shape (n_users,)
        Recall divides by all relevant items; NDCG by the best possible list of length ``k``.
    """
    top = hits[:, :k]
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate(([0.0], np.cumsum(discounts)))[np.minimum(relevant_counts, k)]
    first = np.where(top.any(axis=1), top.argmax(axis=1) + 1, np.inf)
    return {
        f"recall@{k}": top.sum(axis=1) / relevant_counts,
        f"ndcg@{k}": (top @ discounts) / ideal,
        f"mrr@{k}": 1.0 / first,
        f"hit_rate@{k}": top.any(axis=1).astype(np.float64),
    }


def catalogue_metrics(
    recommended: sparse.csr_matrix, popularity: NDArray[np.float64], k: int
) -> dict[str, float]:
    """Return coverage and novelty of all lists together, at ``k``.

    Coverage is the share of the items in ``popularity`` with a positive count that appear in at
    least one list; novelty is the mean of ``-log2`` of an item's share of all counts.
    """
    known = popularity > 0
    top = recommended.indices[ranks_within(row_numbers(recommended)) < k]
    top = top[known[top]]
    if not top.size:
        return {f"coverage@{k}": 0.0, f"novelty@{k}": 0.0}
    surprise = -np.log2(popularity[top] / popularity.sum())
    return {
        f"coverage@{k}": float(np.unique(top).size / known.sum()),
        f"novelty@{k}": float(surprise.mean()),
    }


def exposure(
    recommended: sparse.csr_matrix, popularity: NDArray[np.float64], k: int
) -> list[float]:
    """Return how the first ``k`` places are shared out, from the most to the least popular items.

    Returns
    -------
    list of float, length 10
        The share of all places that went to each tenth of the items with a positive count,
        the most popular tenth first; zeros when nothing was recommended.
    """
    order = np.argsort(-popularity, kind="stable")[: int((popularity > 0).sum())]
    tenth = np.full(popularity.size, -1)
    tenth[order] = np.arange(order.size) * 10 // max(order.size, 1)
    top = tenth[recommended.indices[ranks_within(row_numbers(recommended)) < k]]
    counts = np.bincount(top[top >= 0], minlength=10)
    return [float(share) for share in counts / max(counts.sum(), 1)]
