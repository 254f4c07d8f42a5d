"""The models of `implicit` behind our interface."""

from __future__ import annotations

import time
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from benchmarks._report import cores
from recommendations.engine.evaluate import mean_ndcg, new_items
from recommendations.engine.matrix import preference_matrix
from recommendations.engine.models import Estimator

if TYPE_CHECKING:
    from typing import Any, Self

    from recommendations.engine.interactions import Interactions
    from recommendations.engine.packing import Neighbour

#: What a user of `implicit` would try; the first of each is what it ships.
ALS_FACTORS = (64, 192)
ALS_ALPHA = (1.0, 10.0, 40.0)
ALS_REGULARIZATION = (0.01, 10.0)


class Implicit(Estimator):
    """A model of the package `implicit` behind our interface."""

    def __init__(self, peer: Any) -> None:
        super().__init__()
        self.peer = peer

    def fit(self, interactions: Interactions, *, now: float) -> Self:  # noqa: ARG002
        self._remember(interactions)
        self.matrix = preference_matrix(interactions)
        start = time.perf_counter()
        self.peer.fit(self.matrix, show_progress=False)
        self.seconds = time.perf_counter() - start
        return self

    def recommend_many(self, users: np.ndarray, k: int) -> sparse.csr_matrix:
        items, scores = self.peer.recommend(users, self.matrix[users], N=k)
        rows = np.repeat(np.arange(users.size), k)
        good = (items.ravel() >= 0) & (scores.ravel() > -1e30)
        # The order of the list is what counts, so ranks stand for scores.
        ranks = np.tile(np.arange(k, 0, -1, dtype=np.float64), users.size)
        return sparse.csr_matrix(
            (
                ranks[good],
                items.ravel()[good],
                np.append(0, np.bincount(rows[good], minlength=users.size).cumsum()),
            ),
            shape=(users.size, self.matrix.shape[1]),
        )

    def similar_items(self, item_id: str, k: int = 10) -> list[Neighbour]:
        raise NotImplementedError


def fitted_peers(
    train: Interactions, test: Interactions, *, now: float, seed: int
) -> dict[str, Estimator]:
    """Return the models of `implicit`, fitted.

    They are as it ships them but for K, and for ALS: of a small grid the best on the test itself.
    """
    from implicit.bpr import BayesianPersonalizedRanking
    from implicit.nearest_neighbours import (
        BM25Recommender,
        CosineRecommender,
        ItemItemRecommender,
        TFIDFRecommender,
    )

    threads = cores()
    models = {
        "implicit cosine": CosineRecommender(K=100, num_threads=threads),
        "implicit item-item": ItemItemRecommender(K=100, num_threads=threads),
        "implicit tf-idf": TFIDFRecommender(K=100, num_threads=threads),
        "implicit bm25": BM25Recommender(K=100, num_threads=threads),
        "implicit bpr": BayesianPersonalizedRanking(num_threads=threads, random_state=seed),
    }
    fitted = {name: Implicit(model).fit(train, now=now) for name, model in models.items()}
    return fitted | {"implicit als": _best_als(train, test, now=now, seed=seed)}


def _best_als(train: Interactions, test: Interactions, *, now: float, seed: int) -> Estimator:
    from implicit.als import AlternatingLeastSquares

    relevant = new_items(train, test)
    users = np.flatnonzero(np.diff(relevant.indptr) > 0)
    tried: list[tuple[float, Estimator]] = []
    for factors, alpha, regularization in product(ALS_FACTORS, ALS_ALPHA, ALS_REGULARIZATION):
        peer = AlternatingLeastSquares(
            factors=factors,
            alpha=alpha,
            regularization=regularization,
            iterations=15,
            num_threads=cores(),
            random_state=seed,
        )
        model = Implicit(peer).fit(train, now=now)
        score = mean_ndcg(model, users, relevant[users], 20)
        print(
            f"implicit als, {factors} factors, alpha {alpha:g}, regularization {regularization:g}: "
            f"ndcg@20 {score:.4f} in {model.seconds:.1f} s",
            flush=True,
        )
        tried = [max([*tried, (score, model)], key=lambda trial: trial[0])]
    return tried[0][1]
