"""Many clients at once: is it fast enough, and is every event counted once?

Run with ``python -m benchmarks.load``. Locust's clients (`benchmarks._shoppers`) ask a server
process like that of ``make demo`` (waitress, eight threads, the stream handled by its side) for
lists, send events one by one and in bulk, some of them twice on purpose and some corrected, and
read and change the catalogue. Afterwards, once the stream is drained, the events table is compared
with what was sent, and all counters with a recount. Anything that differs, and any error, fails the
run.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._report import Report, arguments
from benchmarks._stack import local_tables, new_key, small_shop
from project.local import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recommendations.entities import Event
    from recommendations.statistics import Contributions

ROOT = Path(__file__).resolve().parents[1]
SERVE = "--serve"
DRAIN_SECONDS = 300.0


def serve(port: int) -> None:
    """Answer requests and handle the stream until a signal comes."""
    import django

    django.setup()
    # More clients than threads: that some wait for their turn is what is measured.
    logging.getLogger("waitress").setLevel(logging.ERROR)
    from waitress import create_server

    from core.dynamodb import tables
    from project.local_stream import StreamPoller
    from project.wsgi import application
    from recommendations.services import dead_letters
    from recommendations.streams import handler

    stream = tables.status(tables.table_name("events")).stream or ""
    poller = StreamPoller(
        stream, handler, give_up=lambda records: dead_letters.keep(records=records)
    )
    server = create_server(application, host=HOST, port=port, threads=8, ident=None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    poller.start()
    try:
        server.run()
    finally:
        server.close()
        poller.stop()


@contextmanager
def _server(log: Path) -> Iterator[str]:
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load", SERVE, str(port)],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_it_answers(f"http://{HOST}:{port}", process)
            yield f"http://{HOST}:{port}"
        finally:
            process.terminate()
            process.wait(60)
    text = log.read_text(encoding="utf-8", errors="replace")
    if text:
        print(f"the server said:\n{text[-3000:]}", file=sys.stderr)


def _wait_until_it_answers(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/api/v1/health/live/", timeout=5):  # noqa: S310  # our own
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the server did not start")


def _shop(address: str, options: Any, folder: Path) -> Any:
    """Let the clients run; return what locust measured."""
    environment = {
        "LOAD_KEY": new_key(),
        "LOAD_PAUSE": options.pause,
        "LOAD_REPORT": str(folder / "report.json"),
        "LOAD_SEED": str(options.seed),
        "LOAD_SENT": str(folder / "sent.jsonl"),
    }
    command = [
        *(sys.executable, "-m", "locust", "--locustfile", str(ROOT / "benchmarks/_shoppers.py")),
        *("--headless", "--host", address, "--users", str(options.clients)),
        *("--spawn-rate", str(max(1, options.clients // 5)), "--run-time", f"{options.seconds}s"),
        *("--stop-timeout", "120", "--only-summary", "--loglevel", "ERROR"),
    ]
    subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def _sent(path: Path) -> tuple[dict[tuple[str, str], Event], int]:
    """Return what should be stored by now, by key, and how often events were sent."""
    from core.validation import validate
    from recommendations.entities import EventInput
    from recommendations.storage.events import key_of

    now = datetime.now(UTC)
    lines = path.read_text(encoding="utf-8").splitlines()
    events = [validate(EventInput, json.loads(line)).resolve(now=now) for line in lines]
    return {key_of(event): event for event in events}, len(lines)


def _recount(events: list[Event]) -> Contributions:
    """Return what the counters must be, from all stored events."""
    from recommendations.services import attribution
    from recommendations.statistics import contributions
    from recommendations.storage import serving
    from recommendations.storage.statistics import added

    settings = serving.state(consistent=True).preferences
    by_actor: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_actor[event.actor].append(event)
    return added(
        [
            contributions(
                event,
                settings=settings,
                origin_of=attribution.origin_of,
                clicks=[each for each in own if each.type == "click"],
            )
            for own in by_actor.values()
            for event in own
        ]
    )


def _counters() -> Contributions:
    """Return the counters as they are stored."""
    from recommendations.models import ItemStatsRow, PlacementStatsRow
    from recommendations.statistics import CounterKey
    from recommendations.storage.statistics import counts_of

    found: Contributions = {}
    for row in ItemStatsRow.scan(consistent_read=True):
        period = row.period.partition("#")[2]
        found[CounterKey("item_stats", row.name, period)] = counts_of(row)
    for placed in PlacementStatsRow.scan(consistent_read=True):
        period = placed.period.partition("#")[2]
        found[CounterKey("placement_stats", placed.name, period)] = counts_of(placed)
    return found


def _wait_until_counted(expected: Contributions) -> float | None:
    """Return the seconds until the counters are as they must be; None if they never are."""
    start = time.monotonic()
    while time.monotonic() < start + DRAIN_SECONDS:
        if _counters() == expected:
            return time.monotonic() - start
        time.sleep(1)
    return None


def _check(path: Path, report: Report) -> bool:
    from recommendations.services import dead_letters, events
    from recommendations.storage.events import key_of

    sent, times = _sent(path)
    everything = list(events.everything())
    stored = {key_of(event): event for event in everything if event.event_id.startswith("load-")}
    expected = _recount(everything)
    drained = _wait_until_counted(expected)
    found = _counters()
    differing = [
        key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)
    ]
    letters = len(dead_letters.listing(limit=100).rows)
    report.add("events", sent=times, different=len(sent), stored=len(stored))
    lost, unknown = len(sent.keys() - stored.keys()), len(stored.keys() - sent.keys())
    other = sum(1 for key in sent.keys() & stored.keys() if sent[key] != stored[key])
    report.add("events_wrong", lost=lost, not_sent=unknown, other_content=other)
    report.add("counters", rows=len(expected), wrong=len(differing), dead_letters=letters)
    if drained is not None:
        report.add("stream", drained_after_s=drained)
    for key in differing[:10]:
        print(f"{key}: {found.get(key)} instead of {expected.get(key)}")
    return not (lost or unknown or other or differing or letters)


def _count_history() -> None:
    """Count what was stored before the stream was followed."""
    from recommendations.services import events, realtime
    from recommendations.storage.events import key_of

    keys = [key_of(event) for event in events.everything()]
    if failed := realtime.count(keys):
        raise RuntimeError(f"{len(failed)} events could not be counted")


def _place() -> None:
    from recommendations.placements import Placement
    from recommendations.services import placements

    placements.save(placement=Placement(name="home", recommender="personal"), by="benchmark")


def main() -> int:
    """Run it; return 1 when anything is not as it must be."""
    if SERVE in sys.argv:
        serve(int(sys.argv[-1]))
        return 0
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--pause", default="0.5-2", help="seconds that a client waits, from-to")
    options = parser.parse_args()
    report = Report("Many clients at once", seed=options.seed, json_path=options.json)
    # Two cores run the clients, the server and the database: nothing of that is so slow on AWS.
    os.environ.update(DYNAMODB_CONNECT_TIMEOUT="10", DYNAMODB_READ_TIMEOUT="30")
    with tempfile.TemporaryDirectory() as directory, local_tables():
        folder = Path(directory)
        small_shop(users=100, events=600, seed=options.seed)
        _count_history()
        _place()
        with _server(folder / "server.log") as address:
            measured = _shop(address, options, folder)
            for name, row in sorted(measured["rows"].items()):
                report.add(name.lower().replace(" ", "_"), **row)
            report.add("throughput", requests_per_second=measured["per_second"])
            fine = _check(folder / "sent.jsonl", report)
    for problem in measured["errors"]:
        print(problem)
    report.write()
    return 0 if fine and not measured["errors"] else 1


if __name__ == "__main__":
    sys.exit(main())
