"""What a deployment weighs, how fast it starts and answers, and how long it takes to get there.

Run with ``python -m benchmarks.deployment``. A fresh clone of this repository (what is committed)
follows docs/operations.md, command by command, up to its first recommendation, on MiniStack; beside
it, in the same run, the hello-world of `benchmarks/_hello.py` is deployed by plain Zappa.

A cold start is measured from the start of the function's process to the first 200, in turns, each
after the process before was ended, so that MiniStack starts a new one. Unpacking the package, which
AWS does otherwise, is not in it.
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil

from benchmarks import _hello
from benchmarks._report import Report, arguments
from tests.deployment import (
    ROOT,
    STARTS_MINISTACK,
    Guide,
    Shell,
    aws,
    running_ministack,
    send,
    terminal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MEGABYTE = 2**20
EVENTS = ROOT / "recommendations" / "fixtures" / "online_retail_events.jsonl.gz"
MOST = {
    "clone_to_first_recommendation": 300.0,
    "cold_start": 0.6,
    "warm_request": 1.3,
    "peak_rss": 150.0,
}
PACKAGES = ("Django", "djangorestframework", "pynamodb", "zappa", "ministack")
PATIENCE_SECONDS = 600.0
USER_LIST = "/api/v1/recommendations/users/{user_id}/"
API = "alsobought-local-api"


@dataclass(frozen=True)
class Target:
    """A deployed function and a request that it answers with 200."""

    function: str
    address: str
    path: str
    headers: dict[str, str]

    def call(self) -> None:
        parts = urlsplit(self.address)
        headers = {"Host": parts.netloc, **self.headers}
        status, _, body = send(parts.port or 80, "GET", parts.path + self.path, headers)
        if status != 200:
            raise RuntimeError(f"{self.function} answered {status}: {body[:300]}")


def _clone(folder: Path) -> Shell:
    """Return a terminal in a fresh clone, with nothing installed."""
    shell = terminal(folder)
    shutil.rmtree(shell.folder)
    git = shutil.which("git") or "git"
    subprocess.run([git, "clone", "--quiet", str(ROOT), str(shell.folder)], check=True)
    # Ahead of everything else, and without the tools of the environment that this runs in.
    shell.environment["PATH"] = f"{shell.folder / '.venv' / 'bin'}:{os.environ['PATH']}"
    return shell


def _used() -> float:
    """Return the processor time of all that was started from here, in seconds."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return ended.ru_utime + ended.ru_stime + sum(used.user + used.system for used in running)


def _follow_the_guide(shell: Shell) -> str:
    """Run the guide up to its first recommendation; return the path that it asks."""
    guide = Guide()
    guide.take(STARTS_MINISTACK)
    while True:
        block = guide.blocks.pop(0)
        shell.run(block, timeout=PATIENCE_SECONDS)
        if "/recommendations/users/" in block:
            return USER_LIST.format(user_id="new-customer")


def _deploy_the_api(shell: Shell) -> str:
    """Deploy one function, with tables as full as the guide's; return the path of a list."""
    guide = Guide()
    shell.run(guide.take("export AWS_ENDPOINT_URL"))
    shell.run(guide.take("manage.py infrastructure local"), timeout=PATIENCE_SECONDS)
    shell.run("zappa deploy local_api", timeout=PATIENCE_SECONDS)
    shell.run(guide.take("createstaff"), timeout=PATIENCE_SECONDS)
    # What the other functions would do.
    for job in ("train", "rebuild"):
        shell.run(f"python manage.py job {job}", timeout=PATIENCE_SECONDS)
    shell.run('export BASE_URL="$(python -m project.aws.address)"')
    with gzip.open(EVENTS, "rt") as lines:
        (last,) = deque(lines, maxlen=1)
    return USER_LIST.format(user_id=json.loads(last)["user_id"])


def _process(function: str) -> psutil.Process:
    """Return the youngest process of a function."""
    found = [
        process
        for process in psutil.Process().children(recursive=True)
        if any(f"ministack-lambda-{function}-" in part for part in process.cmdline())
    ]
    return max(found, key=lambda process: process.create_time())


def _cold(target: Target) -> tuple[float, float]:
    """Start a function anew; return seconds until its first 200, by the clock and the processor."""
    old = _process(target.function)
    old.kill()
    # MiniStack only notices with the next call.
    while old.is_running() and old.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.05)
    try:
        target.call()
    except TimeoutError:
        # Now and then MiniStack waits for the process that has ended.
        return _cold(target)
    now = time.time()
    process = _process(target.function)
    if process.pid == old.pid:
        raise RuntimeError(f"{target.function} was not started anew")
    used = process.cpu_times()
    return now - process.create_time(), used.user + used.system


def _warm(target: Target) -> float:
    start = time.perf_counter()
    target.call()
    return (time.perf_counter() - start) * 1000


def _in_turns(
    ours: Callable[[], Any], theirs: Callable[[], Any], count: int
) -> tuple[list[Any], list[Any]]:
    pairs = [(ours(), theirs()) for _ in range(count)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _sizes(client: Any, report: Report) -> None:
    for function in client.list_functions()["Functions"]:
        name = function["FunctionName"]
        report.add(f"package {name}", zipped_mb=function["CodeSize"] / MEGABYTE)


def _cold_starts(ours: Target, hello: Target, count: int, report: Report) -> float:
    """Return how our cold start compares with the hello-world's."""
    for target in (ours, hello):
        target.call()
    starts = _in_turns(lambda: _cold(ours), lambda: _cold(hello), count)
    for name, values in zip(("ours", "hello"), starts, strict=True):
        report.add(
            f"cold_start {name}",
            s=median(value[0] for value in values),
            processor_s=median(value[1] for value in values),
        )
    clock, processor = (
        median(mine[number] / its[number] for mine, its in zip(*starts, strict=True))
        for number in (0, 1)
    )
    report.add("cold_start", ratio=clock, processor_ratio=processor)
    return clock


def _warm_requests(ours: Target, hello: Target, count: int, report: Report) -> float:
    """Return how our warm request compares with the hello-world's."""
    for target in (ours, hello):
        for _ in range(10):
            target.call()
    warm = _in_turns(lambda: _warm(ours), lambda: _warm(hello), count)
    for name, values in zip(("ours", "hello"), warm, strict=True):
        report.add(f"warm_request {name}", p50_ms=median(values))
    ratio = median(warm[0]) / median(warm[1])
    report.add("warm_request", ratio=ratio)
    return ratio


def main() -> int:
    """Run it; return 1 when something is beyond its limit."""
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument(
        "--short", action="store_true", help="deploy the API alone, from this tree as it is"
    )
    options = parser.parse_args()
    report = Report(
        "A deployment to MiniStack", seed=options.seed, json_path=options.json, packages=PACKAGES
    )
    measured: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="alsobought-deployment-") as directory:
        folder = Path(directory)
        start = time.monotonic()
        shell = terminal(folder) if options.short else _clone(folder)
        if not options.short:
            shell.run("make local", timeout=PATIENCE_SECONDS)
            report.add("installed", s=time.monotonic() - start)
        with running_ministack(shell):
            if options.short:
                path = _deploy_the_api(shell)
            else:
                path = _follow_the_guide(shell)
                taken = measured["clone_to_first_recommendation"] = time.monotonic() - start
                # On a machine with other work to do the clock says little.
                report.add("clone_to_first_recommendation", s=taken, processor_s=_used())
            hello = Target(
                _hello.FUNCTION, _hello.deploy(folder / "hello", shell), _hello.ADDRESS, {}
            )
            key = {"Authorization": f"Api-Key {shell.environment['API_KEY']}"}
            ours = Target(API, shell.environment["BASE_URL"], path, key)
            _sizes(aws(shell)("lambda"), report)

            measured["cold_start"] = _cold_starts(ours, hello, options.starts, report)
            measured["warm_request"] = _warm_requests(ours, hello, options.requests, report)
            measured["peak_rss"] = _peak(_process(API).pid)
            report.add(
                "peak_rss", mb=measured["peak_rss"], hello_mb=_peak(_process(hello.function).pid)
            )
    report.write()
    beyond = [name for name, value in measured.items() if value > MOST[name]]
    for name in beyond:
        print(f"{name} is {measured[name]:.2f}; it may be {MOST[name]:g} at most")
    return 1 if beyond else 0


def _peak(pid: int) -> float:
    """Return the most memory that a process ever had, in megabytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not say how much memory a process had")


if __name__ == "__main__":
    sys.exit(main())
