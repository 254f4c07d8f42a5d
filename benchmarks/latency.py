"""How long it takes from a purchase to a changed list, through everything that is deployed.

Run with ``python -m benchmarks.latency``. The commands of docs/operations.md deploy to MiniStack:
API Gateway, Lambda, the DynamoDB stream and its mapping. Each purchase is by another customer, who
has a list already and buys the first product on it; the clock runs from the answer until that
product is gone from the list.

What is ours in that time is taken from the functions' own logs: the processor time of a call of the
stream function, and of a request of the API. The rest is MiniStack's: DynamoDB's answers, gathering
records, polling, starting processes.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from benchmarks._report import Report, arguments
from tests.deployment import (
    STARTS_MINISTACK,
    Guide,
    Shell,
    Site,
    aws,
    running_ministack,
    terminal,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_OF_OURS_MS = 300.0
PAUSE_SECONDS = 0.05
PATIENCE_SECONDS = 60.0
# Longer than a call of the stream function takes on a busy machine.
SETTLE_SECONDS = 30.0
# Three packages are built, which a busy machine takes its time for.
DEPLOYS_SECONDS = 900.0
FIRST_ITEM = "22423"
FUNCTIONS = "/aws/lambda/alsobought-local-"


def _deploy(shell: Shell) -> Site:
    guide = Guide()
    guide.take(STARTS_MINISTACK)
    words = (
        "export AWS_ENDPOINT_URL",
        "infrastructure local",
        "manage.py deploy local",
        "createstaff",
    )
    for word in words:
        shell.run(guide.take(word), timeout=DEPLOYS_SECONDS)
    shell.run(guide.take("zappa invoke local_jobs"), timeout=DEPLOYS_SECONDS)
    shell.run('export BASE_URL="$(python -m project.aws.address)"')
    return Site(shell.environment["BASE_URL"], shell.environment["API_KEY"])


def _customer(site: Site, user_id: str) -> None:
    """Make a customer whose list is ready, so that only the stream can change it."""
    _buy(site, user_id, FIRST_ITEM)
    end = time.monotonic() + PATIENCE_SECONDS
    while site.recommendations(user_id)["source"] != "personal":
        if time.monotonic() > end:
            raise RuntimeError("a first purchase did not lead to a list")
        time.sleep(PAUSE_SECONDS)


def _buy(site: Site, user_id: str, item_id: str) -> None:
    body = {"user_id": user_id, "type": "purchase", "items": [{"item_id": item_id}]}
    status, _, text = site.call("/api/v1/events/", method="POST", body=body)
    if status != 202:
        raise RuntimeError(f"the purchase was answered with {status}: {text}")


def _purchase(site: Site, user_id: str) -> float:
    """Let a customer buy the first product of the list; return the seconds until it is gone."""

    def shown() -> list[str]:
        return [row["item_id"] for row in site.recommendations(user_id)["results"]]

    bought = shown()[0]
    _buy(site, user_id, bought)
    start = time.monotonic()
    while time.monotonic() < start + PATIENCE_SECONDS:
        if bought not in shown():
            return time.monotonic() - start
        time.sleep(PAUSE_SECONDS)
    raise RuntimeError(f"the list did not change within {PATIENCE_SECONDS:.0f} s")


def _logged(shell: Shell, since: float) -> list[dict[str, Any]]:
    """Return what the functions wrote since a time (seconds since 1970), a dict for each line."""
    client = aws(shell)("logs")
    groups = client.describe_log_groups(logGroupNamePrefix=FUNCTIONS)["logGroups"]
    pages = client.get_paginator("filter_log_events")
    lines = [
        event["message"]
        for group in groups
        for page in pages.paginate(logGroupName=group["logGroupName"], startTime=int(since * 1000))
        for event in page["events"]
    ]
    return [json.loads(found) for line in lines for found in re.findall(r'\{"time": .*\}', line)]


def _settle(shell: Shell) -> None:
    """Wait until the stream function has nothing to do any more, the imported events included."""
    seen = -1
    while (count := sum(line["message"] == "stream" for line in _logged(shell, 0))) != seen:
        seen = count
        time.sleep(SETTLE_SECONDS)


def _add(report: Report, name: str, values: Sequence[float], *, unit: str) -> float:
    """Add a row of percentiles; return the largest value."""
    cuts = quantiles(values, n=100, method="inclusive")
    measures = {f"{share}_{unit}": cuts[number] for share, number in _SHARES}
    report.add(name, **measures, **{f"max_{unit}": max(values)}, count=len(values))
    return max(values)


_SHARES = (("p50", 49), ("p95", 94), ("p99", 98))


def main() -> int:
    """Run it; return 1 when something of ours takes too long."""
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--purchases", type=int, default=50)
    options = parser.parse_args()
    report = Report("From a purchase to a changed list", seed=options.seed, json_path=options.json)
    with tempfile.TemporaryDirectory() as directory:
        shell = terminal(Path(directory))
        with running_ministack(shell):
            site = _deploy(shell)
            customers = [f"customer-{number}" for number in range(options.purchases)]
            for user_id in customers:
                _customer(site, user_id)
            _settle(shell)
            since = time.time()
            taken = [_purchase(site, user_id) for user_id in customers]
            _settle(shell)
            lines = _logged(shell, since)
    _add(report, "purchase_to_changed_list", taken, unit="s")
    stream = [line for line in lines if line["message"] == "stream"]
    api = [line for line in lines if line["message"] == "request"]
    # The whole of a call holds the emulated DynamoDB's work, on the same two cores; its processor
    # time is all that ours can be made faster by.
    _add(report, "api_request", [each["Latency"] for each in api], unit="ms")
    _add(report, "stream_call", [each["BatchDuration"] for each in stream], unit="ms")
    _add(report, "stream_round_trips", [each["RoundTrips"] for each in stream], unit="count")
    longest = max(
        _add(report, name, [each["processor_milliseconds"] for each in lines_of], unit="ms")
        for name, lines_of in (
            ("api_own_processor_time", api),
            ("stream_own_processor_time", stream),
        )
    )
    report.add("longest_of_ours", ms=longest, most_ms=MOST_OF_OURS_MS)
    report.write()
    return 0 if longest <= MOST_OF_OURS_MS else 1


if __name__ == "__main__":
    sys.exit(main())
