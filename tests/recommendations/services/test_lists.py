"""Popular, trending and latest products come from counters and catalogue, without a model."""

from datetime import UTC, datetime, timedelta

import pytest

from core.dynamodb.meter import metered
from recommendations.entities import Item
from recommendations.preferences import EventWeights, Preferences
from recommendations.services import catalogue, events, lists, preferences, statistics
from recommendations.storage import serving
from recommendations.storage.events import key_of
from tests.recommendations.factories import START, event, store_model

pytestmark = pytest.mark.usefixtures("dynamodb")

# Later than anything that the tests store, however long others take before them.
NOW = datetime.now(UTC) + timedelta(hours=1)
TODAY = (NOW - START) / timedelta(hours=1) - 6


def record(*sent: object) -> None:
    events.record(events=sent)  # type: ignore[arg-type]
    assert statistics.apply(keys=[key_of(one) for one in sent]) == set()  # type: ignore[arg-type]


def live(name: str) -> list[tuple[str, float]]:
    return list(serving.candidates(version="live", lists=[name]).lists.get(name, []))


def stock(*item_ids: str, **fields: object) -> None:
    catalogue.save(
        items=[Item(item_id=item_id, name=item_id, **fields) for item_id in item_ids]  # type: ignore[arg-type]
    )


def test_the_lists_follow_what_is_counted() -> None:
    stock("tea", "cup", "cake", "jam")
    old = TODAY - 24 * 20
    record(
        *(event("ann", "tea", event_id=f"o-{n}", hours=old + n) for n in range(3)),
        *(event("bob", "cup", event_id=f"v-{n}", hours=TODAY + n, kind="view") for n in range(3)),
        event("cid", "cake", event_id="c", hours=TODAY),
        event("cid", "jam", event_id="d", kind="dislike", hours=TODAY),
    )

    assert lists.refresh(now=NOW) == {"popular": 3, "trending": 2, "latest": 4}
    assert [item_id for item_id, _ in live("popular")] == ["tea", "cake", "cup"]
    assert live("trending") == [("cake", pytest.approx(1.0)), ("cup", pytest.approx(0.6))]

    chosen = Preferences(weights=EventWeights(view=0.9), trending_days=60)
    preferences.change(preferences=chosen, by="ada")
    lists.refresh(now=NOW)

    assert [item_id for item_id, _ in live("trending")] == ["tea", "cup", "cake"]


def test_counters_that_do_not_know_the_history_leave_the_lists_to_the_model() -> None:
    stock("tea", "cup", "cake", "jam", "pot")
    store_model("v1", {}, popular=["cake", "jam", "pot", "cup"], trending=["jam"])
    record(event("ann", "tea", hours=TODAY))

    lists.refresh(now=NOW)
    assert live("popular") == []
    assert [item_id for item_id, _ in live("trending")] == ["tea"]

    record(event("bob", "cup", event_id="e-2", hours=TODAY))
    lists.refresh(now=NOW)
    assert [item_id for item_id, _ in live("popular")] == ["cup", "tea"]


def test_what_is_not_available_is_in_no_list() -> None:
    stock("tea", "cup", "cake")
    record(event("ann", "tea", "cup", "cake", "never-heard-of", hours=TODAY))
    stock("cup", available=False)
    catalogue.delete(item_id="cake")

    lists.refresh(now=NOW)

    for name in ("popular", "trending", "latest"):
        assert [item_id for item_id, _ in live(name)] == ["tea"], name


def test_latest_is_by_publication_and_otherwise_by_when_it_came() -> None:
    stock("old", published_at=NOW - timedelta(days=400))
    stock("new", published_at=NOW - timedelta(days=1))
    stock("coming", published_at=NOW + timedelta(days=1))
    stock("undated")
    before = [("undated", pytest.approx(datetime.now(UTC).timestamp(), abs=120))]

    found = lists.compute(state=serving.state(), now=NOW)["latest"]
    assert found[:1] == before
    assert [item_id for item_id, _ in found] == ["undated", "new", "old"]

    stock("undated", price=None)  # A later change does not make it new again.
    later = lists.compute(state=serving.state(), now=NOW + timedelta(days=2))["latest"]
    assert [item_id for item_id, _ in later] == ["coming", "undated", "new", "old"]
    assert later[1:2] == found[:1]


def test_one_of_many_makes_the_lists_at_most_once_a_minute() -> None:
    stock("tea")
    record(event("ann", "tea"))

    assert lists.refresh_if_due(now=NOW)
    with metered() as cost:
        assert not lists.refresh_if_due(now=NOW)
    assert cost.round_trips == 0
    lists.cache.clear()  # As another process has it.
    assert not lists.refresh_if_due(now=NOW + timedelta(seconds=59))
    lists.cache.clear()
    assert lists.refresh_if_due(now=NOW + timedelta(seconds=60))


def test_what_making_the_lists_reads_does_not_grow_with_the_catalogue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lists, "LENGTH", 10)
    monkeypatch.setattr(lists, "_RESERVE", 5)

    def cost_of(number: int) -> int:
        names = [f"item-{number:04}" for number in range(number)]
        stock(*names)
        record(event("ann", *names, event_id=f"e{number}", hours=TODAY))
        with metered() as cost:
            made = lists.compute(state=serving.state(), now=NOW)
        assert {len(entries) for entries in made.values()} == {10}
        return cost.round_trips

    assert cost_of(70) == cost_of(140) < 90
