"""The clean-up removes what nobody needs, all that is needed stays, and it goes on where it was."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from django.conf import settings

from recommendations import jobs as entry_points
from recommendations.engine.packing import Neighbour
from recommendations.models import NeighboursRow
from recommendations.services import cleaning, events, jobs, versions
from recommendations.storage import artifacts, leases, neighbours, pruning
from recommendations.storage import jobs as job_storage
from recommendations.storage import versions as version_storage
from recommendations.storage.serving import candidates
from tests.recommendations.factories import event

pytestmark = pytest.mark.usefixtures("dynamodb")

BUCKET = f"{settings.DYNAMODB['TABLE_PREFIX']}clean"


def version(name: str, state: str) -> None:
    record = version_storage.ModelVersion(version=name, created_at=name, state=state)
    version_storage.save(record)


def write(name: str, rows: dict[str, str], *, retained: list[str]) -> None:
    near = [(item, [Neighbour(other, 1.0, 1)] if other else []) for item, other in rows.items()]
    neighbours.save(version=name, retained=retained, rows=near)


def stored() -> dict[str, list[str]]:
    return {row.item_kind: [name for name, _ in row.generations] for row in NeighboursRow.scan()}


def said(name: str) -> dict[str, list[str]]:
    found = candidates(version=name, item_ids=["tea", "cup", "old"]).neighbours
    return {item: [near.item_id for near in row] for item, row in found.items() if row}


def test_rows_that_only_a_dead_run_wrote_go_and_those_that_serve_stay() -> None:
    version("2026-01-01", "ready")
    write("2026-01-01", {"tea": "cup", "cup": "tea", "old": ""}, retained=[])
    versions.publish(version="2026-01-01")
    version("2026-01-02", "training")
    write("2026-01-02", {"tea": "pot", "cup": "pot", "new": "tea"}, retained=["2026-01-01"])
    before = said("2026-01-01")

    result = entry_points.clean()

    assert result["versions"] == 1
    assert result["neighbour_rows"] == 3
    assert stored() == {"tea#similar": ["2026-01-01"], "cup#similar": ["2026-01-01"]}
    assert said("2026-01-01") == before
    dead = versions.find(version="2026-01-02")
    assert dead is not None
    assert dead.state == "retired"
    assert entry_points.clean()["neighbour_rows"] == 0


def test_a_run_without_time_left_goes_on_where_the_one_before_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pruning, "_PAGE", 1)
    version("2026-01-01", "ready")
    write("2026-01-01", {"tea": "cup", "cup": "tea"}, retained=[])
    write("2026-01-02", {"tea": "pot", "cup": "pot"}, retained=["2026-01-01"])

    def clean(looks: int) -> dict[str, Any]:
        ticks = iter([0.0] * looks + [1e9] * 9)

        def work(progress: jobs.Progress) -> dict[str, Any]:
            return cleaning.clean(progress, deadline=100.0, clock=lambda: next(ticks))

        return jobs.run(name="clean", work=work).result

    first = clean(1)
    assert (first["neighbour_rows"], first["unfinished"]) == (1, ["neighbour rows"])
    second = clean(9)
    assert (second["neighbour_rows"], second["unfinished"]) == (1, [])
    assert set(map(tuple, stored().values())) == {("2026-01-01",)}


def test_a_run_that_was_silent_for_too_long_leaves_the_rows_to_the_training_that_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version("2026-01-01", "ready")
    write("2026-01-01", {"tea": "cup"}, retained=[])
    write("2026-01-02", {"tea": "pot"}, retained=["2026-01-01"])
    retire_old = versions.retire_old

    def fall_asleep() -> int:
        later = datetime.now(UTC) + timedelta(hours=1)
        assert leases.acquire(name="train", holder="other", now=later, seconds=60)
        return retire_old()

    monkeypatch.setattr(versions, "retire_old", fall_asleep)

    with pytest.raises(jobs.JobError, match="another one took over"):
        entry_points.clean()

    assert stored() == {"tea#similar": ["2026-01-02", "2026-01-01"]}


def test_while_a_training_runs_its_rows_are_left_alone() -> None:
    version("2026-01-01", "training")
    found = []

    def work(_: jobs.Progress) -> dict[str, Any]:
        found.append(entry_points.clean())
        return {}

    jobs.run(name="train", work=work)

    assert found[0]["unfinished"] == ["versions", "neighbour rows"]
    running = versions.find(version="2026-01-01")
    assert running is not None
    assert running.state == "training"


def test_old_records_and_what_dead_runs_handed_on_are_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "EXPORT_BUCKET", BUCKET)
    place = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    running = jobs.Job(
        job_id="20260101T000000-a", name="train", state="queued", started_by="ada", created_at=""
    )
    ended = jobs.Job(
        job_id="20260101T000000-b",
        name="train",
        state="failed",
        started_by="ada",
        created_at="",
        finished_at="2026-01-01T00:00:00Z",
    )
    for job in (running, ended):
        job_storage.save(job)
        artifacts.save(run=job.job_id, name="data.npz", content=b"columns")
    artifacts.save(run="nobody", name="data.npz", content=b"columns")
    version("2025-01-01", "retired")
    version("2025-01-02", "ready")

    def work(progress: jobs.Progress) -> dict[str, Any]:
        return cleaning.clean(progress, now=datetime.now(UTC) + timedelta(days=1))

    monkeypatch.setattr(cleaning, "JOBS_KEPT", timedelta(0))
    result = jobs.run(name="clean", work=work).result

    assert result["jobs"] == 1
    assert result["files"] == 2
    kept = [key for key, _ in artifacts.listing(prefix=artifacts.PREFIX)]
    assert kept == ["training/20260101T000000-a/data.npz"]
    assert [row.version for row in versions.listing(limit=9).rows] == ["2025-01-02"]


def test_what_was_published_and_cannot_be_read_gives_way_to_the_version_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events.record(
        events=[
            event(f"u{n}", item, event_id=item, hours=n)
            for n in range(40)
            for item in (("tea", "cup") if n % 2 else ("cake", "plate"))
        ]
    )
    before = entry_points.train()["version"]
    publish = version_storage.switch

    def lose(**given: Any) -> bool:
        for row in NeighboursRow.scan():
            row.delete()
        return publish(**given)

    with monkeypatch.context() as patch:
        patch.setattr(version_storage, "switch", lose)
        with pytest.raises(jobs.JobError, match=f"of 4 products 0 have.*{before} serves again"):
            entry_points.train()

    assert versions.live() == before
