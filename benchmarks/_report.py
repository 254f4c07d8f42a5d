"""One way for all benchmarks to say what ran where, and what came out."""

from __future__ import annotations

import argparse
import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
PACKAGES = ("numpy", "scipy", "sparse_dot_topn", "implicit")


class Report:
    """Rows of measures, printed as they come and written as JSON at the end."""

    def __init__(
        self,
        title: str,
        *,
        seed: int,
        json_path: str | None,
        packages: tuple[str, ...] = PACKAGES,
    ) -> None:
        self.rows: dict[str, dict[str, float]] = {}
        self._json_path = json_path
        versions = ", ".join(f"{name} {version(name)}" for name in packages)
        print(f"# {title}")
        print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {_processor()}, {cores()} cores", end="; ")
        print(f"load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, {versions}")
        print(f"seed {seed}\n", flush=True)

    def add(self, row: str, **measures: float) -> None:
        """Print and keep one row; ``at`` in a measure's name stands for ``@``."""
        named = {name.replace("_at_", "@"): value for name, value in measures.items()}
        self.rows[row] = named
        print(f"{row:34}", *(f"{name} {_short(value)}" for name, value in named.items()), sep="  ")

    def skip(self, row: str, reason: str) -> None:
        """Say what did not run, and why."""
        print(f"{row:34}  skipped: {reason}", flush=True)

    def write(self) -> None:
        """Write the JSON file, if one is wanted."""
        if self._json_path:
            Path(self._json_path).write_text(json.dumps(self.rows, indent=2) + "\n")


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser with what every benchmark takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", default=os.environ.get("JSON") or None, metavar="FILE")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DATA") or DATA))
    parser.add_argument("--seed", type=int, default=0)
    return parser


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _short(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.0f}"
