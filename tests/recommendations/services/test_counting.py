"""What no stream has followed is counted later, to the same rows as if one had."""

from datetime import timedelta

import pytest

from recommendations import jobs
from recommendations.services import counting, statistics
from recommendations.services.jobs import JobError
from recommendations.storage import serving
from tests.recommendations.factories import START
from tests.recommendations.random_shop import Shop, dump

pytestmark = pytest.mark.usefixtures("dynamodb")


@pytest.fixture
def shop() -> Shop:
    shop = Shop(7)
    for _ in range(40):
        shop.act()
    return shop


def recounted(shop: Shop) -> object:
    """Return what a stream would have made of all that is stored, in a generation of its own."""
    state = serving.ServingState(generations=(90,))
    assert statistics.apply(keys=list(shop.stored), state=state) == set()
    return dump(90)


def test_a_history_is_counted_beside_what_the_stream_has_counted(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "_PAGE", 7)
    assert counting.is_behind()
    statistics.apply(keys=list(shop.stored)[:5])

    result = jobs.count({"by": "ada"})

    assert result["events"] == len(shop.stored) - 5
    assert dump() == recounted(shop)
    assert not counting.is_behind()
    assert jobs.count()["events"] == 0


def test_a_run_that_stops_in_time_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_PAGE", 7)
    monkeypatch.setattr(jobs, "_deadline", lambda _: 0.0)
    with pytest.raises(JobError, match="start it again"):
        jobs.count()
    assert 0 < len([key for key in dump() if key[0] == "EffectsRow"]) <= 7

    monkeypatch.setattr(jobs, "_deadline", lambda _: None)
    jobs.count()

    assert dump() == recounted(shop)


def test_a_shop_opens_with_its_history_but_for_old_days_of_products(shop: Shop) -> None:
    since = (START + timedelta(days=5)).date()

    assert counting.open_with(item_days_since=since) == len(shop.stored)

    (generation,) = serving.state().generations
    now, whole = dump(generation), recounted(shop)
    missing = {key for key in whole if key not in now}
    assert missing
    assert all(key[0] == "ItemStatsRow" and "day#" in key[2] for key in missing)
    assert all(key[2].rpartition("#")[2] < str(since) for key in missing)
    assert {key: row for key, row in whole.items() if key[0] == "PlacementStatsRow"} == {
        key: row for key, row in now.items() if key[0] == "PlacementStatsRow"
    }
    assert counting.open_with(item_days_since=since) == 0, "only once"

    jobs.count()
    assert dump(generation) == whole
