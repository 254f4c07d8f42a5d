"""What a million recommendations cost at AWS's list prices.

Run with ``python -m benchmarks.costs``; ``--docs`` also writes the table into docs/operations.md.

Requests go through the function's own handler, as API Gateway sends them, against MiniStack.
Measured are processor time, round trips and read units of DynamoDB, bytes of the answer and of the
log. What cannot be measured here is assumed, and said: how long DynamoDB takes to answer on AWS,
what share of a processor the function has, how many calls are cold starts.
"""

from __future__ import annotations

import io
import json
import logging
import math
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from benchmarks._report import Report, arguments
from benchmarks._stack import local_tables, new_key, small_shop, wait_for
from benchmarks._units import batch_units

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "docs" / "operations.md"
TABLE = re.compile(r"(<!-- costs -->\n).*?(<!-- /costs -->)", re.DOTALL)
MILLION = 1_000_000
MOST_DOLLARS = 3.0
WARM_UP = 100

# List prices in US dollars, region us-east-1, without free tiers, as AWS's pages gave them in July
# 2025: https://aws.amazon.com/<service>/pricing/ of api-gateway, lambda, dynamodb, cloudwatch, ec2.
PRICES_OF = "us-east-1, July 2025"
API_GATEWAY_REQUEST = 1.00 / MILLION
LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = 0.0000166667
READ_UNIT = 0.125 / MILLION
WRITE_UNIT = 0.625 / MILLION
LOG_GB = 0.50
TRANSFER_GB = 0.09
# https://aws.amazon.com/personalize/pricing/, custom recipes: the first 72 million requests of a
# month; an idle campaign is charged as one request a second.
PERSONALIZE_REQUEST = 0.0556 / 1000
# Two t4g.small, a load balancer and a db.t4g.small, by the hour.
ALWAYS_ON_HOUR = 2 * 0.0168 + 0.0225 + 0.032

# A function has a whole processor with 1,769 MB, and in proportion with less.
WHOLE_PROCESSOR_MB = 1769
DYNAMODB_MS = 5.0
COLD_SHARE = 0.01
COLD_SECONDS = 0.8
# START, END and REPORT, which Lambda writes for each call.
LAMBDAS_OWN_LINES = 360


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Means of one kind of request."""

    processor_ms: float
    round_trips: float
    read_units: float
    write_units: float
    answer_bytes: float
    log_bytes: float

    def billed_ms(self, memory_mb: int) -> int:
        share = min(1.0, memory_mb / WHOLE_PROCESSOR_MB)
        return math.ceil(self.processor_ms / share + self.round_trips * DYNAMODB_MS)

    def dollars(self, memory_mb: int) -> dict[str, float]:
        """Return what a million of them cost, part by part."""
        gigabytes = memory_mb / 1024
        seconds = self.billed_ms(memory_mb) / 1000 + COLD_SHARE * COLD_SECONDS
        return {
            "API Gateway (HTTP API)": API_GATEWAY_REQUEST * MILLION,
            "Lambda, requests": LAMBDA_REQUEST * MILLION,
            "Lambda, time": seconds * gigabytes * LAMBDA_GB_SECOND * MILLION,
            "DynamoDB": (self.read_units * READ_UNIT + self.write_units * WRITE_UNIT) * MILLION,
            "CloudWatch, logs and metrics in them": (
                (self.log_bytes + LAMBDAS_OWN_LINES) * LOG_GB * MILLION / 1024**3
            ),
            "transfer out": self.answer_bytes * TRANSFER_GB * MILLION / 1024**3,
        }


def _measure(paths: list[str], *, key: str, log: io.StringIO) -> Measured:
    from core.dynamodb.meter import metered
    from project.aws.handler import lambda_handler
    from tests.project.aws.events import http_api

    context = SimpleNamespace(aws_request_id="3f2504e0-4f89-11d3-9a0c-0305e82c3301")
    headers = {"authorization": f"Api-Key {key}"}
    events = [http_api("GET", path, headers) for path in paths]
    for event in events[:WARM_UP]:
        lambda_handler(event, context)
    log.seek(0)
    log.truncate()
    answered = 0
    start = time.process_time()
    with metered() as meter, batch_units() as batches:
        for event in events:
            answer = lambda_handler(event, context)
            if answer["statusCode"] != 200:
                raise RuntimeError(f"{event['rawPath']}: {answer}")
            answered += len(json.dumps(answer))
    used = time.process_time() - start
    return Measured(
        processor_ms=used * 1000 / len(events),
        round_trips=meter.round_trips / len(events),
        read_units=(meter.read_units + batches.read) / len(events),
        write_units=meter.write_units / len(events),
        answer_bytes=answered / len(events),
        log_bytes=len(log.getvalue()) / len(events),
    )


def _table(measured: dict[str, Measured], memory_mb: int) -> str:
    """Return the costs as a table in Markdown, with what they were computed from."""
    costs = {name: each.dollars(memory_mb) for name, each in measured.items()}
    parts = next(iter(costs.values()))
    rows = [
        ["US dollars for a million", *costs],
        ["---"] * (len(costs) + 1),
        *([part, *(f"{each[part]:.2f}" for each in costs.values())] for part in parts),
        ["**together**", *(f"**{sum(each.values()):.2f}**" for each in costs.values())],
        ["*computed from:* milliseconds billed"]
        + [f"{each.billed_ms(memory_mb)}" for each in measured.values()],
        ["processor, ms"] + [f"{each.processor_ms:.2f}" for each in measured.values()],
        ["round trips to DynamoDB"] + [f"{each.round_trips:.2f}" for each in measured.values()],
        ["read units"] + [f"{each.read_units:.2f}" for each in measured.values()],
        ["write units"] + [f"{each.write_units:.3f}" for each in measured.values()],
        ["bytes logged"] + [f"{each.log_bytes:,.0f}" for each in measured.values()],
        ["bytes answered"] + [f"{each.answer_bytes:,.0f}" for each in measured.values()],
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> int:
    """Run it; return 1 when a list costs too much."""
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--docs", action="store_true", help="write the table into the guide")
    options = parser.parse_args()
    packages = ("Django", "djangorestframework", "pynamodb", "zappa", "ministack")
    report = Report(
        f"Costs at list prices ({PRICES_OF})",
        seed=options.seed,
        json_path=options.json,
        packages=packages,
    )
    stage = json.loads((ROOT / "zappa_settings.json").read_text())
    memory_mb = {**stage["base"], **stage["production_api"]}["memory_size"]
    with local_tables():
        small_shop(seed=options.seed)
        _follow_the_stream()
        key = new_key()
        log = _as_on_lambda()
        count = options.requests
        users = [f"user-{number % 300:05}" for number in range(count)]
        items = [f"item-{number % 400:05}" for number in range(count)]
        lists = [f"/api/v1/recommendations/users/{user}/?limit=10" for user in users]
        measured = {
            "a user's list": _measure(lists, key=key, log=log),
            "similar items": _measure(
                [f"/api/v1/items/{item}/similar/?limit=10" for item in items], key=key, log=log
            ),
            "popular items": _measure(
                ["/api/v1/recommendations/popular/?limit=10"] * count, key=key, log=log
            ),
        }
    totals = {}
    for name, each in measured.items():
        totals[name] = sum(each.dollars(memory_mb).values())
        report.add(
            name,
            dollars_per_million=totals[name],
            billed_ms=each.billed_ms(memory_mb),
            **vars(each),
        )
    month = 730.0
    report.add(
        "Personalize",
        dollars_per_million=PERSONALIZE_REQUEST * MILLION,
        idle_month=month * 3600 * PERSONALIZE_REQUEST,
    )
    report.add(
        "always-on servers",
        idle_month=month * ALWAYS_ON_HOUR,
        break_even_millions=month * ALWAYS_ON_HOUR / totals["a user's list"],
    )
    table = _table(measured, memory_mb)
    print(f"\n{table}")
    if options.docs:
        text = GUIDE.read_text(encoding="utf-8")
        GUIDE.write_text(
            TABLE.sub(lambda found: f"{found[1]}{table}{found[2]}", text), encoding="utf-8"
        )
    report.write()
    return 0 if max(totals.values()) <= MOST_DOLLARS else 1


def _follow_the_stream() -> None:
    """Make the profiles that the stream function has made by the time a customer comes back."""
    from recommendations.services import jobs

    wait_for(jobs.start(name="rebuild", by="benchmark").job_id)


def _as_on_lambda() -> io.StringIO:
    """Log as a function does, metrics included; return what receives the lines."""
    from django.conf import settings

    from project.logs import JsonFormatter
    from tests.project.aws.zappa_settings import zappa_settings

    sys.modules["zappa_settings"] = zappa_settings()
    # First, since both set up logging themselves.
    from project.aws import handler as ours

    ours.http.zappa()
    settings.METRICS_NAMESPACE, settings.FUNCTION_NAME = "Alsobought", "alsobought-production-api"
    settings.ALLOWED_HOSTS = ["*"]
    handler = logging.StreamHandler(log := io.StringIO())
    handler.setFormatter(JsonFormatter())
    logging.getLogger().handlers = [handler]
    logging.getLogger("project.access").setLevel(logging.INFO)
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    return log


if __name__ == "__main__":
    sys.exit(main())
