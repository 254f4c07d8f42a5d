"""How good the recommendations are, beside simple lists and the models of `implicit`.

Run with ``python -m benchmarks.quality``. Gowalla is the published split: every item is scored for
every test user, without the items of training. Online Retail is split by time at 80 % of the
events; only items new to the user count, and parameters are chosen on the training time alone.
"""

from __future__ import annotations

import os
import time
import warnings
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from benchmarks import _data
from benchmarks._report import Report, arguments, cores
from recommendations.engine.evaluate import COSINE, Evaluation, measure, temporal_split
from recommendations.engine.matrix import preference_matrix
from recommendations.engine.models import Estimator, ItemNeighbours, Popular
from recommendations.engine.packing import Neighbour, pack_neighbours, unpack_neighbours
from recommendations.engine.tune import tune

if TYPE_CHECKING:
    from typing import Any, Self

    from recommendations.engine.interactions import Interactions

EVERYBODY = 1_000_000


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


def peers(seed: int) -> dict[str, Estimator]:
    """Return the models of `implicit`, as it ships them but for K and the ALS rank."""
    from implicit.als import AlternatingLeastSquares
    from implicit.bpr import BayesianPersonalizedRanking
    from implicit.nearest_neighbours import (
        BM25Recommender,
        CosineRecommender,
        ItemItemRecommender,
        TFIDFRecommender,
    )

    threads = cores()
    return {
        "implicit cosine": Implicit(CosineRecommender(K=100, num_threads=threads)),
        "implicit item-item": Implicit(ItemItemRecommender(K=100, num_threads=threads)),
        "implicit tf-idf": Implicit(TFIDFRecommender(K=100, num_threads=threads)),
        "implicit bm25": Implicit(BM25Recommender(K=100, num_threads=threads)),
        "implicit als 64": Implicit(_als(AlternatingLeastSquares, 64, threads, seed)),
        "implicit als 192": Implicit(_als(AlternatingLeastSquares, 192, threads, seed)),
        "implicit bpr": Implicit(
            BayesianPersonalizedRanking(num_threads=threads, random_state=seed)
        ),
    }


def with_history(model: ItemNeighbours, history: int | None) -> ItemNeighbours:
    """Return the same fitted model, summing over another length of history."""
    twin = model.clone(history=history)
    twin.__dict__.update({**model.__dict__, "history": history})
    return twin


def packed(model: ItemNeighbours) -> ItemNeighbours:
    """Return the fitted model as it is served: with rows that were packed and unpacked."""
    twin = with_history(model, model.history)
    table, ids = model.table_, model.item_ids_
    data = table.data.copy()
    for start, stop in zip(table.indptr[:-1], table.indptr[1:], strict=True):
        row = [
            Neighbour(ids[item], float(weight), 1)
            for item, weight in zip(table.indices[start:stop], table.data[start:stop], strict=True)
        ]
        data[start:stop] = [each.weight for each in unpack_neighbours(pack_neighbours(row))]
    twin.table_ = sparse.csr_matrix((data, table.indices, table.indptr), shape=table.shape)
    return twin


def add(report: Report, evaluation: Evaluation, names: dict[str, str]) -> None:
    """Add one row for each measured model, under its row's name."""
    for name, row in names.items():
        measures = evaluation.metrics[name]
        low, high = evaluation.intervals[name]["ndcg@20"]
        report.add(
            row,
            recall_at_20=measures["recall@20"],
            ndcg_at_20=measures["ndcg@20"],
            ndcg_low=low,
            ndcg_high=high,
            coverage_at_20=measures["coverage@20"],
        )


def gowalla(report: Report, options: Any) -> None:
    """Measure on the published split."""
    train, test = _data.gowalla(options.data)
    start = time.perf_counter()
    model = ItemNeighbours(history=None).fit(train, now=0.0)
    print(f"fit in {time.perf_counter() - start:.1f} s", flush=True)
    # Without times, a random tenth of train stands for its last part.
    late = np.random.default_rng(options.seed).random(len(train)) < 0.1
    dated = _data.interactions(
        train.users,
        train.items,
        times=late.astype(np.float64),
        user_ids=train.user_ids,
        item_ids=train.item_ids,
    )
    tuned = tune(
        dated, model=ItemNeighbours(history=None), budget=options.budget, holdout_share=0.099
    )
    print(f"{len(tuned.trials)} trials, chosen: {tuned.changes or 'the defaults'}", flush=True)
    fitted: dict[str, Estimator] = {
        "model": model,
        "tuned": ItemNeighbours(history=None, **tuned.changes).fit(train, now=0.0)
        if tuned.changes
        else model,
        "capped": packed(with_history(model, 50)),
        "cosine": COSINE.clone(history=None).fit(train, now=0.0),
        "popular": Popular().fit(train, now=0.0),
    }
    fitted |= {name: peer.fit(train, now=0.0) for name, peer in wanted_peers(options).items()}
    evaluation = measure(fitted, train=train, test=test, max_users=EVERYBODY, seed=options.seed)
    names = {
        "model": "gowalla",
        "tuned": "gowalla_tuned_on_train",
        "capped": "gowalla_packed_history_50",
    }
    add(report, evaluation, names | {n: f"gowalla {n}" for n in fitted if n not in names})
    print()


def online_retail(report: Report, options: Any) -> None:
    """Measure on the last fifth of the events, tuned on the training time alone."""
    train, test = temporal_split(_data.online_retail(options.data), holdout_share=0.2)
    now = float(train.times.max())
    tuned = tune(train, model=ItemNeighbours(), budget=options.budget)
    print(f"{len(tuned.trials)} trials, chosen: {tuned.changes or 'the defaults'}", flush=True)
    model = ItemNeighbours(**tuned.changes).fit(train, now=now)
    fitted: dict[str, Estimator] = {
        "model": model,
        "defaults": ItemNeighbours().fit(train, now=now),
        "packed": packed(model),
        "unlimited": with_history(model, None),
        "cosine": COSINE.clone().fit(train, now=now),
        "popular": Popular().fit(train, now=now),
        "trending": Popular(window_days=14.0).fit(train, now=now),
    }
    fitted |= {name: peer.fit(train, now=now) for name, peer in wanted_peers(options).items()}
    evaluation = measure(fitted, train=train, test=test, seed=options.seed)
    print(f"{evaluation.users} users")
    names = {
        "model": "online_retail",
        "defaults": "online_retail_defaults",
        "packed": "online_retail_packed",
        "unlimited": "online_retail_unlimited_history",
    }
    add(report, evaluation, names | {n: f"online_retail {n}" for n in fitted if n not in names})
    print()


def wanted_peers(options: Any) -> dict[str, Estimator]:
    """Return the peers, unless they are switched off."""
    return {} if options.no_peers else peers(options.seed)


def main() -> None:
    """Run what there is data for."""
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--no-peers", action="store_true", help="leave out `implicit`")
    parser.add_argument("--budget", type=float, default=300.0, help="seconds for each tuning")
    options = parser.parse_args()
    # `implicit` runs threads of its own and warns when BLAS has some too.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    warnings.filterwarnings("ignore", module="implicit")
    report = Report("Quality", seed=options.seed, json_path=options.json)
    for name, run in (("online_retail", online_retail), ("gowalla", gowalla)):
        if any(options.data.glob(f"{name}*")):
            run(report, options)
        else:
            report.skip(name, f"no such data in {options.data}")
    report.write()


def _als(model: Any, factors: int, threads: int, seed: int) -> Any:
    return model(factors=factors, iterations=15, num_threads=threads, random_state=seed)


if __name__ == "__main__":
    main()
