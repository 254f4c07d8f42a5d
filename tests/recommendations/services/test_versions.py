"""Versions that are given up stay whole while they may serve, whoever publishes meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from recommendations import jobs
from recommendations.models import ListRow
from recommendations.services import events, versions
from recommendations.storage import versions as storage
from recommendations.storage.versions import ModelVersion
from tests.recommendations.factories import event

pytestmark = pytest.mark.usefixtures("dynamodb")


def store(name: str, *, lists: int = 2) -> None:
    found = [(f"popular#c{number}", [("tea", 1.0)]) for number in range(lists)]
    storage.save_lists(version=name, lists=found)
    record = ModelVersion(version=name, created_at="2026-11-01T00:00:00Z", state="ready")
    storage.save(storage.save_names(record, "lists", [name for name, _ in found]))


def expiries(version: str) -> list[datetime | None]:
    rows = ListRow.scan(ListRow.version == version)
    return [row.expires_at for row in rows]


def state(version: str) -> str:
    found = versions.find(version=version)
    assert found is not None
    return found.state


def test_a_version_that_is_given_up_keeps_its_lists_for_a_day() -> None:
    for number in range(1, 5):
        store(f"v{number}", lists=120)
    versions.publish(version="v4")

    versions.retire_old()

    assert state("v1") == "retired"
    soon = datetime.now(UTC) + timedelta(hours=23)
    found = expiries("v1")
    assert len(found) == 121
    assert all(at is not None and at > soon for at in found)
    assert set(expiries("v2")) == {None}
    with pytest.raises(versions.NotPublishableError, match="retired"):
        versions.publish(version="v1")


def test_a_version_that_goes_live_meanwhile_is_not_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store("v1")
    versions.publish(version="v1")
    # What was read before somebody made it live.
    monkeypatch.setattr(versions, "retained", list)

    versions.retire_old()

    assert (versions.live(), state("v1"), set(expiries("v1"))) == ("v1", "ready", {None})


def test_a_version_that_is_given_up_meanwhile_does_not_stay_live(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store("v1")
    store("v2")
    versions.publish(version="v2")
    switch = storage.switch

    def retire_first(*, to: str | None, expected: str | None) -> bool:
        monkeypatch.undo()
        monkeypatch.setattr(versions, "retained", lambda: [versions.find(version="v2")])
        versions.retire_old()
        return switch(to=to, expected=expected)

    monkeypatch.setattr(storage, "switch", retire_first)

    with pytest.raises(versions.NotPublishableError, match="just been retired"):
        versions.publish(version="v1")
    assert versions.live() == "v2"


def test_of_publishes_at_the_same_moment_each_replaces_another() -> None:
    names = [f"v{number}" for number in range(1, 4)]
    for name in names:
        store(name)

    with ThreadPoolExecutor(len(names)) as pool:
        before = list(pool.map(lambda name: versions.publish(version=name), names))

    # One after the other, with nothing lost in between.
    assert {*before, versions.live()} == {None, *names}


def test_nothing_is_given_up_before_the_new_version_is_live(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(1, 4):
        store(f"2026-01-0{number}T00:00Z-1")
    versions.publish(version="2026-01-01T00:00Z-1")
    events.record(events=[event(f"u{n}", "tea", "cup", hours=n) for n in range(3)])

    def fail(**_: object) -> None:
        raise OSError("the connection broke")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "switch", fail)
        with pytest.raises(OSError, match="connection"):
            jobs.train()

    assert versions.live() == "2026-01-01T00:00Z-1"
    for number in range(1, 4):
        assert state(f"2026-01-0{number}T00:00Z-1") == "ready"
        assert set(expiries(f"2026-01-0{number}T00:00Z-1")) == {None}
