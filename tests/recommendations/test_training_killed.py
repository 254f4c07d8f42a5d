"""A training job killed at any moment leaves the live model serving, and the next run succeeds."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings

from recommendations import jobs
from recommendations.services import events, recommend, versions
from recommendations.services.recommend import Query
from tests.recommendations.factories import event

pytestmark = pytest.mark.usefixtures("dynamodb")

KILLS = 20
PRODUCTS = 40


def start_training() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "job", "train"],
        env={**os.environ, "JOB_LEASE_SECONDS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def record_orders(round_number: int) -> None:
    """Give every run something new to learn, so that it has rows to write."""
    generator = random.Random(round_number)
    events.record(
        events=[
            event(
                f"u{n}",
                *(f"p{generator.randrange(PRODUCTS):02}" for _ in range(4)),
                event_id=f"o-{round_number}-{n}",
                hours=round_number + n / 100,
            )
            for n in range(40)
        ]
    )


def shown() -> list[tuple[str, list[str]]]:
    """Return what the live model answers, for every product and a few users."""
    near = [
        [row.item_id for row in recommend.similar(item_id=f"p{n:02}", query=Query()).results]
        for n in range(PRODUCTS)
    ]
    lists = [
        [row.item_id for row in recommend.for_session(item_ids=[f"p{n:02}"], query=Query()).results]
        for n in range(5)
    ]
    return [(str(versions.live()), row) for row in near + lists]


def test_killed_at_twenty_random_points_the_live_model_serves_the_same() -> None:
    record_orders(0)
    jobs.train()
    started = time.monotonic()
    assert start_training().wait() == 0
    duration = time.monotonic() - started

    generator = random.Random(7)
    interrupted = 0
    for number in range(1, KILLS + 1):
        record_orders(number)
        before = shown()
        process = start_training()
        # The first part of a run only starts Python: aim where there is something to break.
        time.sleep(duration * generator.uniform(0.5, 1.0))
        process.send_signal(signal.SIGKILL)
        if process.wait() != 0:
            interrupted += 1
        live = versions.live()
        if before[0][0] == live:
            assert shown() == before
        else:
            found = versions.find(version=str(live))
            assert found is not None
            assert found.state == "ready"
        time.sleep(1.1)

    assert interrupted >= KILLS // 2
    after = jobs.train()["version"]
    assert versions.live() == after
