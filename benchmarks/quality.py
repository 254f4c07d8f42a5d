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
from benchmarks._orders import buy_again, sessions
from benchmarks._peers import fitted_peers
from benchmarks._report import Report, arguments
from recommendations.engine.evaluate import COSINE, Evaluation, measure, temporal_split
from recommendations.engine.interactions import Interactions
from recommendations.engine.models import Estimator, ItemNeighbours, Popular
from recommendations.engine.packing import Neighbour, pack_neighbours, unpack_neighbours
from recommendations.engine.tune import tune

if TYPE_CHECKING:
    from typing import Any

EVERYBODY = 1_000_000


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
    # Without times, random tenths of train stand for its last parts.
    parts = np.random.default_rng(options.seed).choice(3, len(train), p=(0.8, 0.1, 0.1))
    dated = Interactions.from_columns(
        users=train.users,
        items=train.items,
        times=parts.astype(np.float64),
        user_ids=train.user_ids,
        item_ids=train.item_ids,
    )
    tuned = chosen(dated, ItemNeighbours(history=None), options, holdout_share=0.099)
    fitted: dict[str, Estimator] = {
        "model": model,
        "tuned": ItemNeighbours(history=None, **tuned).fit(train, now=0.0) if tuned else model,
        "capped": packed(with_history(model, 50)),
        "cosine": COSINE.clone(history=None).fit(train, now=0.0),
        "popular": Popular().fit(train, now=0.0),
    }
    if not options.no_peers:
        fitted |= fitted_peers(train, test, now=0.0, seed=options.seed)
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
    everything = _data.online_retail(options.data)
    train, test = temporal_split(everything, holdout_share=0.2)
    now = float(train.times.max())
    tuned = chosen(train, ItemNeighbours(), options)
    model = ItemNeighbours(**tuned).fit(train, now=now)
    fitted: dict[str, Estimator] = {
        "model": model,
        "defaults": ItemNeighbours().fit(train, now=now),
        "packed": packed(model),
        "unlimited": with_history(model, None),
        "cosine": COSINE.clone().fit(train, now=now),
        "popular": Popular().fit(train, now=now),
        "trending": Popular(window_days=14.0).fit(train, now=now),
    }
    if not options.no_peers:
        fitted |= fitted_peers(train, test, now=now, seed=options.seed)
    evaluation = measure(fitted, train=train, test=test, seed=options.seed)
    print(f"{evaluation.users} users")
    names = {
        "model": "online_retail",
        "defaults": "online_retail_defaults",
        "packed": "online_retail_packed_history_50",
        "unlimited": "online_retail_unlimited_history",
    }
    add(report, evaluation, names | {n: f"online_retail {n}" for n in fitted if n not in names})
    buy_again(report, train, test)
    sessions(report, everything)
    print()


def chosen(
    interactions: Interactions, model: ItemNeighbours, options: Any, **given: float
) -> dict[str, float]:
    """Return the parameters that tuning changes, and print how it went."""
    start = time.perf_counter()
    tuned = tune(interactions, model=model, budget=options.budget, seed=options.seed, **given)
    seconds = time.perf_counter() - start
    what = tuned.changes or "the defaults"
    print(f"{len(tuned.trials)} trials in {seconds:.0f} s, chosen: {what}", flush=True)
    return tuned.changes


def main() -> None:
    """Run what there is data for."""
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--no-peers", action="store_true", help="leave out `implicit`")
    parser.add_argument("--budget", type=float, default=200.0, help="seconds for each tuning")
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


if __name__ == "__main__":
    main()
