"""Versions that are given up stay whole while they may serve, whoever publishes meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest

from recommendations.models import ListRow
from recommendations.services import versions
from recommendations.storage import versions as storage
from recommendations.storage.versions import ModelVersion

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
