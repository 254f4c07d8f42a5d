"""How long a list takes to make at serving time: 50 history items with 100 neighbours each.

Run with ``python -m benchmarks.serving``. Pure Python, as in the API: nothing but the packed rows
is given, so the time of unpacking them stands beside that of ranking. Times are of the processor,
so that what else the machine does counts little.
"""

from __future__ import annotations

import random
import time
from statistics import quantiles

from benchmarks._report import Report, arguments
from recommendations.engine.packing import Neighbour, pack_neighbours, unpack_neighbours
from recommendations.engine.rank import HistoryItem, rank

HISTORY = 50
NEIGHBOURS = 100
CATALOGUE = 4_000
ROUNDS = 400


def main() -> None:
    """Time unpacking, ranking and ranking with reasons."""
    options = arguments(__doc__.partition("\n")[0]).parse_args()
    report = Report("Serving", seed=options.seed, json_path=options.json)
    # A benchmark wants the same numbers each time, not secrets.
    generator = random.Random(options.seed)  # noqa: S311
    items = [f"{number:06}" for number in range(CATALOGUE)]
    packed = {
        item: pack_neighbours(
            sorted(
                (
                    Neighbour(other, generator.random(), generator.randrange(5_000))
                    for other in generator.sample(items, NEIGHBOURS)
                ),
                key=lambda neighbour: -neighbour.weight,
            )
        )
        for item in items[:HISTORY]
    }
    history = [
        HistoryItem(item, 1.0, "purchase", f"2024-01-01T00:00:{at:02}Z", item)
        for at, item in enumerate(items[:HISTORY])
    ]
    rows = {item: unpack_neighbours(row) for item, row in packed.items()}
    seen = set(items[:HISTORY])
    steps = {
        "unpack": lambda: {item: unpack_neighbours(row) for item, row in packed.items()},
        "rank": lambda: rank(history=history, neighbours=rows, exclude=seen, limit=20, causes=0),
        "rank_with_reasons": lambda: rank(history=history, neighbours=rows, exclude=seen, limit=20),
        "unpack_and_rank": lambda: rank(
            history=history,
            neighbours={item: unpack_neighbours(row) for item, row in packed.items()},
            exclude=seen,
            limit=20,
            causes=0,
        ),
    }
    for name, step in steps.items():
        taken = []
        for _ in range(ROUNDS):
            start = time.thread_time()
            step()
            taken.append(1e3 * (time.thread_time() - start))
        cuts = quantiles(taken, n=100)
        report.add(name, p50_ms=cuts[49], p95_ms=cuts[94], p99_ms=cuts[98])
    report.add("packed_row", bytes=max(map(len, packed.values())))
    report.write()


if __name__ == "__main__":
    main()
