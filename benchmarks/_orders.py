"""Buying again and sessions, measured on the orders of one shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from recommendations.engine.evaluate import new_items
from recommendations.engine.matrix import user_item_matrix
from recommendations.engine.metrics import hits_by_rank, per_user_metrics
from recommendations.engine.models import BuyAgain, ItemNeighbours, NextItem
from recommendations.engine.rank import MAX_HISTORY, HistoryItem, rank
from recommendations.engine.sessions import session_neighbours
from recommendations.engine.topk import product_topk

if TYPE_CHECKING:
    from benchmarks._report import Report
    from recommendations.engine.interactions import Interactions

SESSION_K = 10


def buy_again(report: Report, train: Interactions, test: Interactions) -> None:
    """Predict all that known users took in the test, repeats too, from their own items alone."""
    counts, taken = user_item_matrix(train), user_item_matrix(test)
    users = np.flatnonzero((np.diff(counts.indptr) > 0) & (np.diff(taken.indptr) > 0))
    model = BuyAgain().fit(train, now=float(train.times.max()))
    one = sparse.identity(train.n_items, format="csr")
    for row, recommended in {
        "online_retail_buy_again": model.recommend_many(users, 20),
        "online_retail most bought": product_topk(counts[users], one, k=20),
    }.items():
        means = _means(recommended, taken[users], 20)
        report.add(row, recall_at_20=means["recall@20"], ndcg_at_20=means["ndcg@20"])


def sessions(report: Report, everything: Interactions) -> None:
    """Hide each user's last order; predict its new items from the last 50 items before it."""
    last = np.zeros(everything.n_users)
    np.maximum.at(last, everything.users, everything.times)
    hidden = everything.times == last[everything.users]
    train, test = everything.take(~hidden), everything.take(hidden)
    now = float(train.times.max())
    relevant = new_items(train, test)
    users = np.flatnonzero(np.diff(relevant.indptr) > 0)
    similar = dict(ItemNeighbours().fit(train, now=now).neighbours())
    following = dict(NextItem().fit(train, now=now).neighbours())
    histories = _histories(train, users)
    codes = {item_id: code for code, item_id in enumerate(train.item_ids)}
    for row, directed in {
        "online_retail_sessions": following,
        "online_retail sessions, similar only": {},
    }.items():
        recommended = sparse.lil_matrix(relevant[users].shape)
        recommended.rows[:] = [
            [
                codes[best.item_id]
                for best in rank(
                    history=[HistoryItem(item, 1.0, "session", "", "") for item in recent],
                    neighbours=session_neighbours(recent, similar=similar, following=directed),
                    exclude=seen,
                    limit=SESSION_K,
                    causes=0,
                )
            ]
            for recent, seen in histories
        ]
        recommended.data[:] = [[1.0] * len(found) for found in recommended.rows]
        means = _means(recommended.tocsr(), relevant[users], SESSION_K)
        report.add(row, hit_rate_at_10=means["hit_rate@10"], ndcg_at_10=means["ndcg@10"])


def _histories(train: Interactions, users: np.ndarray) -> list[tuple[list[str], set[str]]]:
    """Return for each user the last items, oldest first and once each, and all items."""
    wanted = np.isin(train.users, users)
    items, times, owners = train.items[wanted], train.times[wanted], train.users[wanted]
    order = np.lexsort((items, times, owners))
    taken: dict[int, dict[str, None]] = {user: {} for user in users.tolist()}
    for user, item in zip(owners[order].tolist(), items[order].tolist(), strict=True):
        seen = taken[user]
        item_id = train.item_ids[item]
        seen.pop(item_id, None)
        seen[item_id] = None
    return [(list(seen)[-MAX_HISTORY:], set(seen)) for seen in taken.values()]


def _means(recommended: sparse.csr_matrix, relevant: sparse.csr_matrix, k: int) -> dict[str, float]:
    counts = np.diff(relevant.indptr).astype(np.int64)
    values = per_user_metrics(hits_by_rank(recommended, relevant, k), counts, k)
    return {name: float(column.mean()) for name, column in values.items()}
