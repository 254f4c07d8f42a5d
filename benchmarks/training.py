"""How long training takes and how much memory, beside `implicit`.

Run with ``python -m benchmarks.training``. Each row runs in a process of its own, so that its peak
memory is its own; it holds the interpreter, the libraries and the interactions as well. Synthetic
shops are described in `benchmarks._data.zipf`.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from benchmarks import _data
from benchmarks._report import Report, arguments, cores
from recommendations.engine.evaluate import measure
from recommendations.engine.matrix import preference_matrix
from recommendations.engine.models import ItemNeighbours
from recommendations.engine.similarity import co_occurrence_neighbours

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Name: events, users, items.
SHOPS = {
    "zipf_1m": (1_000_000, 100_000, 20_000),
    "zipf_4m": (4_200_000, 500_000, 50_000),
    "zipf_20m": (20_000_000, 1_000_000, 100_000),
    "zipf_100m": (100_000_000, 5_000_000, 500_000),
}
_NOW = 365 * 86_400.0


def load(name: str, data: Path, seed: int) -> _data.Interactions:
    """Return a data set by name."""
    if name == "gowalla":
        return _data.gowalla(data)[0]
    events, users, items = SHOPS[name]
    return _data.zipf(events, n_users=users, n_items=items, seed=seed)


def base(name: str, data: Path, seed: int) -> dict[str, float]:
    """P alone, from the user-item matrix."""
    matrix = _matrix(name, data, seed)
    pairs = float(np.square(np.diff(matrix.indptr).astype(np.float64)).sum())
    return {**_timed(lambda: co_occurrence_neighbours(matrix, k=100)), "pairs": pairs}


def implicit_cosine(name: str, data: Path, seed: int) -> dict[str, float]:
    """The same size of work in the peer."""
    from implicit.nearest_neighbours import CosineRecommender

    matrix = _matrix(name, data, seed)
    model = CosineRecommender(K=100, num_threads=cores())
    return _timed(lambda: model.fit(matrix, show_progress=False))


def whole(name: str, data: Path, seed: int) -> dict[str, float]:
    """P, R and blend, from interactions."""
    interactions = load(name, data, seed)
    model = ItemNeighbours(history=None)
    base_seconds: list[float] = []
    start = time.perf_counter()
    measured = _timed(
        lambda: model.fit(
            interactions,
            now=_NOW if name in SHOPS else 0.0,
            on_base=lambda _: base_seconds.append(time.perf_counter() - start),
        )
    )
    return {**measured, "base_seconds": base_seconds[0], **_recall(name, model, data)}


def implicit_als(name: str, data: Path, seed: int) -> dict[str, float]:
    """The peer's matrix factorisation, rank 192, 15 iterations."""
    from implicit.als import AlternatingLeastSquares

    from benchmarks.quality import Implicit

    peer = AlternatingLeastSquares(
        factors=192, iterations=15, num_threads=cores(), random_state=seed
    )
    model = Implicit(peer)
    interactions = load(name, data, seed)
    measured = _timed(lambda: model.fit(interactions, now=0.0))
    return {**measured, **_recall(name, model, data)}


KINDS: dict[str, Callable[[str, Path, int], dict[str, float]]] = {
    "base": base,
    "whole": whole,
    "implicit_cosine": implicit_cosine,
    "implicit_als": implicit_als,
}
DEFAULT = (
    "gowalla/base gowalla/implicit_cosine zipf_4m/base zipf_4m/implicit_cosine "
    "gowalla/whole gowalla/implicit_als zipf_1m/whole zipf_4m/whole zipf_20m/whole zipf_100m/base"
)


def main() -> None:
    """Run each row in a process of its own."""
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("rows", nargs="*", default=DEFAULT.split(), metavar="DATA/KIND")
    parser.add_argument("--inside", action="store_true", help="run one row here, print JSON")
    options = parser.parse_args()
    if options.inside:
        name, kind = options.rows[0].split("/")
        print(json.dumps(KINDS[kind](name, options.data, options.seed)))
        return
    report = Report("Training", seed=options.seed, json_path=options.json)
    for row in options.rows:
        if row.startswith("gowalla") and not (options.data / "gowalla").exists():
            report.skip(row, f"no such data in {options.data}")
            continue
        command = [sys.executable, "-m", "benchmarks.training", row, "--inside"]
        command += ["--data", str(options.data), "--seed", str(options.seed)]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            report.skip(row, done.stderr.strip().rpartition("\n")[2])
        else:
            report.add(row, **json.loads(done.stdout))
    report.write()


def _matrix(name: str, data: Path, seed: int) -> sparse.csr_matrix:
    """Return the user-item matrix in float32, without the interactions that made it."""
    interactions = load(name, data, seed)
    if name not in SHOPS:
        return preference_matrix(interactions)
    shape = (interactions.n_users, interactions.n_items)
    # The events are in order of users already: no copy for sorting at the largest sizes.
    pointers = np.append(0, np.bincount(interactions.users, minlength=shape[0]).cumsum())
    items = interactions.items
    del interactions
    matrix = sparse.csr_matrix((np.ones(items.size, dtype=np.float32), items, pointers), shape)
    matrix.sum_duplicates()
    np.minimum(matrix.data, 1.0, out=matrix.data)
    return matrix


def _recall(name: str, model: Any, data: Path) -> dict[str, float]:
    if name != "gowalla":
        return {}
    train, test = _data.gowalla(data)
    evaluation = measure({"model": model}, train=train, test=test, max_users=1_000_000)
    return {"recall_at_20": evaluation.metrics["model"]["recall@20"]}


def _timed(work: Callable[[], Any]) -> dict[str, float]:
    start, processor = time.perf_counter(), time.process_time()
    work()
    return {
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - processor,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    main()
