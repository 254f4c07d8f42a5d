"""How long training takes and how much memory, beside `implicit`, and how both grow.

Run all rows with ``python -m benchmarks.training --json FILE`` on a machine with nothing else to
do, or some by a part of their names: ``python -m benchmarks.training growth zipf_20m/whole``. Each
row runs in a process of its own; ``peak_mb`` is the most that this process ever had in memory, with
the interpreter, the libraries and the events. Synthetic shops are those of `benchmarks._data.zipf`.

The rows are named data/kind, and the kinds are

- ``cosine``: P from a user-item matrix against the peer's cosine, in turns;
- ``als``: the whole fit against the peer's ALS, rank 192, 15 iterations, in turns, with recall;
- ``builder``: events one by one into columns, as the training job reads them;
- ``growth``: P from events, at several sizes, and a plot of all of them;
- ``whole``: the whole fit from events.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import _data
from benchmarks._chart import Panel, draw
from benchmarks._report import Report, arguments, cores
from recommendations.engine.evaluate import measure
from recommendations.engine.interactions import InteractionsBuilder
from recommendations.engine.matrix import preference_matrix, user_item_matrix
from recommendations.engine.models import ItemNeighbours
from recommendations.engine.similarity import co_occurrence_neighbours

if TYPE_CHECKING:
    from collections.abc import Callable

    from recommendations.engine.interactions import Interactions

#: Name: events, users, items.
SHOPS = {
    "zipf_1m": (1_000_000, 50_000, 5_000),
    "zipf_3m": (3_000_000, 150_000, 15_000),
    "zipf_4m": (4_200_000, 500_000, 50_000),
    "zipf_10m": (10_000_000, 500_000, 50_000),
    "zipf_20m": (20_000_000, 1_000_000, 100_000),
    "zipf_30m": (30_000_000, 1_500_000, 150_000),
    "zipf_100m": (100_000_000, 5_000_000, 500_000),
}
ROWS = (
    "gowalla/cosine",
    "zipf_4m/cosine",
    "gowalla/als",
    "zipf_3m/builder",
    "zipf_1m/growth",
    "zipf_3m/growth",
    "zipf_10m/growth",
    "zipf_30m/growth",
    "zipf_100m/growth",
    "zipf_20m/whole",
    "zipf_100m/whole",
)
CHART = Path(__file__).resolve().parents[1] / "docs" / "images" / "training-growth.svg"
K = 100
_NOW = 365 * 86_400.0
_TURNS = 5
_LARGE_CORES = 6


def load(name: str, data: Path, seed: int) -> Interactions:
    """Return a data set by name."""
    if name == "gowalla":
        return _data.gowalla(data)[0]
    events, users, items = SHOPS[name]
    return _data.zipf(events, n_users=users, n_items=items, seed=seed)


def cosine(name: str, data: Path, seed: int) -> dict[str, float]:
    """P and the peer's cosine in turns, on one matrix in the number type that suits each."""
    from implicit.nearest_neighbours import CosineRecommender

    matrix = preference_matrix(load(name, data, seed))
    single = matrix.astype(np.float32)
    return _in_turns(
        lambda: co_occurrence_neighbours(matrix, k=K),
        lambda: CosineRecommender(K=K, num_threads=cores()).fit(single, show_progress=False),
        turns=_TURNS,
    )


def als(_: str, data: Path, seed: int) -> dict[str, float]:
    """The whole fit and the peer's matrix factorisation in turns, on gowalla."""
    from implicit.als import AlternatingLeastSquares

    from benchmarks._peers import Implicit

    train, test = _data.gowalla(data)
    peer = AlternatingLeastSquares(
        factors=192, iterations=15, num_threads=cores(), random_state=seed
    )
    models = {"model": ItemNeighbours(history=None), "implicit": Implicit(peer)}
    measures = _in_turns(
        lambda: models["model"].fit(train, now=0.0),
        lambda: models["implicit"].fit(train, now=0.0),
        turns=2,
    )
    found = measure(models, train=train, test=test, max_users=1_000_000).metrics
    recalls = {model: values["recall@20"] for model, values in found.items()}
    return {
        **measures,
        "recall_at_20": recalls["model"],
        "implicit_recall_at_20": recalls["implicit"],
        "recall_ratio": recalls["model"] / recalls["implicit"],
    }


def builder(name: str, data: Path, seed: int) -> dict[str, float]:
    """Events one by one, a fifth of them in orders of one line."""
    interactions = load(name, data, seed)
    user_ids, item_ids = interactions.user_ids, interactions.item_ids
    weights = interactions.weight_values.tolist()
    columns = (interactions.users, interactions.items, interactions.weight_codes)
    before = _resident_mb()

    def work() -> None:
        made = InteractionsBuilder()
        for user, item, code in zip(*columns, strict=True):
            if code == 2:
                made.add_order(user_ids[user], [item_ids[item]], weight=weights[code], time=_NOW)
            else:
                made.add(user_ids[user], item_ids[item], weight=weights[code], time=_NOW)
        made.build()

    measures = _timed(work)
    growth = (measures["peak_mb"] - before) * 2**20
    return {**measures, "bytes_per_event": growth / len(interactions)}


def growth(name: str, data: Path, seed: int) -> dict[str, float]:
    """P as the training job makes it, with the events in memory to its end."""
    started = _resident_mb()
    interactions = load(name, data, seed)
    model = ItemNeighbours(base_share=1.0, k=K)
    loaded = {"started_mb": started, "events_mb": _resident_mb() - started}
    measures = _timed(lambda: model.fit(interactions, now=_NOW))
    pairs = np.square(np.diff(user_item_matrix(interactions).indptr).astype(np.float64)).sum()
    return {**measures, **loaded, "events": float(len(interactions)), "pairs": float(pairs)}


def whole(name: str, data: Path, seed: int) -> dict[str, float]:
    """P, R and blend, from events; on more cores by Amdahl's law, what is parallel being what
    the processor time exceeds the time by.
    """
    interactions = load(name, data, seed)
    start = time.perf_counter()
    base: list[float] = []
    model = ItemNeighbours(k=K)
    measures = _timed(
        lambda: model.fit(
            interactions, now=_NOW, on_base=lambda _: base.append(time.perf_counter() - start)
        )
    )
    extra = measures["processor_seconds"] - measures["seconds"]
    parallel = max(extra, 0.0) * cores() / (cores() - 1) if cores() > 1 else 0.0
    serial = measures["processor_seconds"] - parallel
    return {
        **measures,
        "base_seconds": base[0],
        "refined_share": model.refined_share_,
        f"extrapolated_seconds_{_LARGE_CORES}_cores": serial + parallel / _LARGE_CORES,
    }


KINDS: dict[str, Callable[[str, Path, int], dict[str, float]]] = {
    "cosine": cosine,
    "als": als,
    "builder": builder,
    "growth": growth,
    "whole": whole,
}


def main() -> None:
    """Run each row in a process of its own."""
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="data, kind or data/kind")
    parser.add_argument("--inside", metavar="DATA/KIND", help="run one row here, print JSON")
    parser.add_argument("--chart", type=Path, default=CHART, metavar="SVG")
    options = parser.parse_args()
    if options.inside:
        name, kind = options.inside.split("/")
        print(json.dumps(KINDS[kind](name, options.data, options.seed)))
        return
    report = Report("Training", seed=options.seed, json_path=options.json)
    wanted = set(options.rows)
    for row in ROWS:
        if wanted and not wanted & {row, *row.split("/")}:
            continue
        if row.startswith("gowalla") and not (options.data / "gowalla").exists():
            report.skip(row, f"no such data in {options.data}")
            continue
        command = [sys.executable, "-m", "benchmarks.training", "--inside", row]
        command += ["--data", str(options.data), "--seed", str(options.seed)]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            report.skip(row, done.stderr.strip().rpartition("\n")[2])
        else:
            report.add(row, **json.loads(done.stdout))
    grown = [measures for row, measures in report.rows.items() if row.endswith("/growth")]
    if len(grown) > 2:
        report.add("growth", **_exponents(grown))
        chart(grown, options.chart)
    report.write()


def chart(grown: list[dict[str, float]], path: Path) -> None:
    """Draw time and memory against the number of co-occurring pairs."""
    draw(
        path,
        sizes=[row["pairs"] for row in grown],
        panels=[
            Panel("Processor seconds", [row["processor_seconds"] for row in grown]),
            Panel("Peak memory, MB", [row["peak_mb"] for row in grown]),
        ],
        size_name="co-occurring pairs",
        guide=_n_log_n,
        guide_name="n log n",
    )


def _exponents(grown: list[dict[str, float]]) -> dict[str, float]:
    """Return e of ``measure ~ (n log n)^e`` by least squares; 1 or less is no worse than that."""
    sizes = np.log([_n_log_n(row["pairs"]) for row in grown])
    exponents = {}
    for name in ("processor_seconds", "peak_mb"):
        exponent = float(np.polyfit(sizes, np.log([row[name] for row in grown]), 1)[0])
        verdict = "yes" if exponent <= 1.0 else "no"
        print(f"{name}: no worse than n log n: {verdict}, as (n log n)^{exponent:.2f}")
        exponents[f"{name}_exponent"] = exponent
    return exponents


def _n_log_n(n: float) -> float:
    return float(n * np.log(n))


def _in_turns(ours: Callable[[], Any], peers: Callable[[], Any], *, turns: int) -> dict[str, float]:
    """Return the medians of both and of their ratios, since a shared machine changes its pace."""
    both = [(_timed(ours), _timed(peers)) for _ in range(turns)]

    def middle(value: Callable[[dict[str, float], dict[str, float]], float]) -> float:
        return median(value(mine, other) for mine, other in both)

    return {
        "processor_seconds": middle(lambda mine, _: mine["processor_seconds"]),
        "implicit_processor_seconds": middle(lambda _, other: other["processor_seconds"]),
        "processor_ratio": middle(
            lambda mine, other: mine["processor_seconds"] / other["processor_seconds"]
        ),
        "seconds": middle(lambda mine, _: mine["seconds"]),
        "implicit_seconds": middle(lambda _, other: other["seconds"]),
        "time_ratio": middle(lambda mine, other: mine["seconds"] / other["seconds"]),
    }


def _timed(work: Callable[[], Any]) -> dict[str, float]:
    start, processor = time.perf_counter(), time.process_time()
    work()
    return {
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - processor,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
