"""A training job killed at any moment leaves the live model serving, and the next run succeeds."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from recommendations import jobs
from recommendations.services import events, recommend, versions
from tests.recommendations.factories import event

pytestmark = pytest.mark.usefixtures("dynamodb")

KILLS = 20
LEASE_SECONDS = 0.3
PRODUCTS = 40


# Imports everything once and then trains in a child of its own for every line that it reads.
TRAINER = """
import os
import sys

import django

django.setup()
from recommendations import jobs, training

for _ in sys.stdin:
    child = os.fork()
    if not child:
        jobs.train()
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def trainer() -> Iterator[Callable[[float | None], int]]:
    """Return a function that trains, killed after so many seconds, and gives the exit status."""
    with subprocess.Popen(
        [sys.executable, "-c", TRAINER],
        env={**os.environ, "JOB_LEASE_SECONDS": str(LEASE_SECONDS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def train(kill_after: float | None) -> int:
            process.stdin.write("\n")
            process.stdin.flush()
            child = int(process.stdout.readline())
            if kill_after is not None:
                time.sleep(kill_after)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            return int(process.stdout.readline())

        yield train
        process.stdin.close()


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
        [
            row.item_id
            for row in recommend.serve(
                recommender="similar", item_ids=[f"p{n:02}"], fallbacks=()
            ).results
        ]
        for n in range(PRODUCTS)
    ]
    lists = [
        [
            row.item_id
            for row in recommend.serve(recommender="session", item_ids=[f"p{n:02}"]).results
        ]
        for n in range(5)
    ]
    return [(str(versions.live()), row) for row in near + lists]


def test_killed_at_twenty_random_points_the_live_model_serves_the_same(
    trainer: Callable[[float | None], int],
) -> None:
    record_orders(0)
    assert trainer(None) == 0
    record_orders(1)
    started = time.monotonic()
    assert trainer(None) == 0
    duration = time.monotonic() - started

    generator = random.Random(7)
    killed = 0
    for number in range(2, KILLS + 2):
        record_orders(number)
        before = shown()
        killed += trainer(duration * generator.random()) == -signal.SIGKILL
        live = versions.live()
        if before[0][0] == live:
            assert shown() == before
        else:
            found = versions.find(version=str(live))
            assert found is not None
            assert found.state == "ready"
        time.sleep(LEASE_SECONDS)

    assert killed >= KILLS // 2
    after = jobs.train()["version"]
    assert versions.live() == after
