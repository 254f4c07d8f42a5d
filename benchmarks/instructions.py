"""What our own code costs, in instructions of the processor, which no other work can change.

Run with ``python -m benchmarks.instructions``; it needs valgrind and takes minutes. The two sides
are those of ``benchmarks.api``, a list for a known user and a bare view that returns the same JSON,
here with the rows of DynamoDB at hand. Each is counted for few and for many requests, so that the
difference is that of the requests alone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from benchmarks._report import Report, arguments
from benchmarks._stack import local_tables, new_key, small_shop
from benchmarks.api import LIST, ask, bare_view

if TYPE_CHECKING:
    from collections.abc import Callable

FEW, MANY = 20, 220
SIDES = ("ours", "bare")


def _count(side: str, requests: int, *, key: str) -> int:
    """Return the instructions of a process that answers so many requests."""
    counting = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    answering = (sys.executable, "-m", "benchmarks.instructions", "--side", side)
    done = subprocess.run(
        [*counting, *answering, "--requests", str(requests)],
        env={
            **os.environ,
            "BENCHMARK_KEY": key,
            "PYTHONHASHSEED": "0",
            # It runs fifty times slower there.
            "DYNAMODB_READ_TIMEOUT": "60",
            "USAGE_SECONDS": "0",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    (found,) = re.findall(r"Collected : (\d+)", done.stderr)
    return int(found)


def _answer(side: str, requests: int, *, key: str) -> None:
    import django

    django.setup()
    from project.wsgi import application
    from recommendations.storage import reads

    original: Callable[..., Any] = vars(reads)["read_batch"]
    known: dict[Any, Any] = {}

    def at_hand(gets: Any, **options: Any) -> Any:
        name = tuple(gets)
        if name not in known:
            known[name] = original(gets, **options)
        return known[name]

    vars(reads)["read_batch"] = at_hand
    bare = bare_view(json.loads(ask(application, LIST, key=key)))
    asked, path = (application, LIST) if side == "ours" else (bare, "/bare/")
    for _ in range(requests):
        ask(asked, path, key=key)


def main() -> None:
    """Count both sides."""
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--requests", type=int, default=FEW)
    options = parser.parse_args()
    if options.side:
        _answer(options.side, options.requests, key=os.environ["BENCHMARK_KEY"])
        # Without the work of a clean end, which would be counted too.
        os._exit(0)
    report = Report("Instructions of a request", seed=options.seed, json_path=options.json)
    if shutil.which("valgrind") is None:
        report.skip("list_for_user", "valgrind is not installed")
        return
    with local_tables():
        small_shop(seed=options.seed)
        key = new_key()
        # Once, so that the user's profile is that of the model.
        _answer("ours", 0, key=key)
        each = {
            side: (_count(side, MANY, key=key) - _count(side, FEW, key=key)) / (MANY - FEW)
            for side in SIDES
        }
    report.add("list_for_user", instructions=each["ours"])
    report.add("bare_view", instructions=each["bare"])
    report.add("list_over_bare", ratio=each["ours"] / each["bare"])
    report.write()


if __name__ == "__main__":
    main()
