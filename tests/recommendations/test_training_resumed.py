"""A run that its deadline stops, or that dies, leaves the next one what it has solved."""

import random
import time
from typing import Any

import pytest

from recommendations.engine.models import ItemNeighbours
from recommendations.models import CheckpointRow, NeighboursRow
from recommendations.services import events, jobs, versions
from recommendations.training import Timing, train
from tests.recommendations.factories import event

pytestmark = pytest.mark.usefixtures("dynamodb")

PRODUCTS = 300


@pytest.fixture(autouse=True)
def _orders() -> None:
    generator = random.Random(3)
    weights = [1 / (place + 5) for place in range(PRODUCTS)]
    events.record(
        events=[
            event(
                f"u{n:03}",
                *(f"p{each:03}" for each in generator.choices(range(PRODUCTS), weights, k=12)),
                *(f"p{each:03}" for each in range(n * 7 % PRODUCTS, n * 7 % PRODUCTS + 3)),
                event_id="o",
                hours=n,
            )
            for n in range(100)
        ]
    )


class Clock:
    """Stands still, and passes the deadline after so many looks at it while refining."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.progress: jobs.Progress | None = None

    def __call__(self) -> float:
        if self.progress is not None and self.progress.job.step == "refining":
            self.looks -= 1
        return 0.0 if self.looks >= 0 else 1e6


def run(*, stopped_after: int | None = None, **options: Any) -> dict[str, Any]:
    def work(progress: jobs.Progress) -> dict[str, Any]:
        clock = Clock(stopped_after or 0)
        if stopped_after is None:
            timing = Timing()
        else:
            clock.progress = progress
            timing = Timing(deadline=1000.0, clock=clock)
        return train(progress, tune_seconds=0.0, timing=timing, **options)

    return jobs.run(name="train", work=work).result


def stored() -> dict[str, bytes]:
    """Return the newest generation of each neighbour row."""
    return {row.item_kind: row.packed[: row.generations[0][1]] for row in NeighboursRow.scan()}


def parts() -> int:
    return sum(row.pk.startswith(CheckpointRow.PK) for row in CheckpointRow.scan())


def test_a_fit_stopped_by_its_deadline_goes_on_to_the_same_model_bit_for_bit() -> None:
    stopped = run(stopped_after=2)
    assert 0 < stopped["refined_share"] < 1
    assert versions.live() == stopped["version"]
    assert parts() >= 2

    resumed = run()
    record = versions.find(version=resumed["version"])
    assert record is not None
    assert 0 < record.data["resumed_items"] < PRODUCTS
    assert resumed["refined_share"] == 1.0
    assert resumed["rows"]["neighbours_written"] > 0
    assert parts() == 0

    found = stored()
    anew = run()
    assert anew["rows"]["neighbours_written"] == 0
    assert stored() == found
    again = versions.find(version=anew["version"])
    assert again is not None
    assert again.data["resumed_items"] == 0


def test_other_events_since_mean_to_start_anew() -> None:
    run(stopped_after=2)
    events.record(events=[event("late", "p001", "p002", event_id="o", hours=200)])

    result = run()

    record = versions.find(version=result["version"])
    assert record is not None
    assert record.data["resumed_items"] == 0
    assert result["refined_share"] == 1.0


def test_what_was_kept_and_is_damaged_counts_as_nothing() -> None:
    run(stopped_after=2)
    damaged = [row for row in CheckpointRow.scan() if row.pk.startswith(CheckpointRow.PK)]
    for row in damaged:
        row.content = b"garbage"
        row.save()

    result = run()

    assert len(damaged) >= 2
    assert (result["refined_share"], result["published"]) == (1.0, True)


class Dying(ItemNeighbours):
    """Solves, gives the background the time to keep it, and dies."""

    def fit(self, *args: Any, **options: Any) -> ItemNeighbours:
        super().fit(*args, **options)
        deadline = time.monotonic() + 30
        while parts() < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        raise OSError("killed")


def test_a_run_that_dies_while_refining_has_kept_what_it_solved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("recommendations.training.fitting.ItemNeighbours", Dying)
        with pytest.raises(OSError, match="killed"):
            run(checkpoint_seconds=0.1)

    record = versions.find(version=run()["version"])
    assert record is not None
    assert record.data["resumed_items"] >= 128


def test_what_cannot_be_kept_does_not_stop_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("recommendations.storage.checkpoints.save", fail)

    assert run(stopped_after=2)["published"]
