"""What is made anew from the events is what the stream has made, to the bit."""

import random
from typing import Any

import pytest
from django.core.management import call_command

from recommendations import jobs
from recommendations.models import (
    EffectsRow,
    ItemStatsRow,
    ListRow,
    PlacementStatsRow,
    ProfileRow,
    RebuildRow,
)
from recommendations.services import preferences, realtime, rebuild
from recommendations.services.jobs import JobError
from recommendations.storage import serving
from tests.recommendations.factories import store_model
from tests.recommendations.random_shop import Shop, dump

pytestmark = pytest.mark.usefixtures("dynamodb")

DERIVED = (EffectsRow, ItemStatsRow, PlacementStatsRow, ProfileRow)


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "_PAGE", 7)


@pytest.fixture
def shop() -> Shop:
    """A shop whose events the stream has followed."""
    store_model("v1", {"tea": [("cup", 0.9)], "cup": [("cake", 0.8)]})
    shop = Shop(4)
    realtime.follow(keys=[shop.act() for _ in range(40)], item_ids=())
    return shop


def everything() -> dict[Any, Any]:
    """Return all derived rows, whatever the number of their generation."""
    (live,) = serving.state().generations
    rows: dict[Any, Any] = dict(dump(live))
    rows |= {row.user_id: row.serialize() for row in ProfileRow.scan()}
    rows |= {
        row.name: row.entries for row in ListRow.scan(ListRow.version == "live") if row.entries
    }
    return rows


def only_one_generation_is_left() -> bool:
    prefixes = {
        row.serialize()[table.key_names()[1]]["S"].partition("#")[0]
        for table in (EffectsRow, ItemStatsRow, PlacementStatsRow)
        for row in table.scan()
    }
    return prefixes == {str(serving.state().generations[0])}


def test_a_rebuild_changes_nothing_where_all_is_right(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything()
    assert len(before) > 40

    call_command("rebuild")

    assert f'"events": {len(shop.stored)}' in capsys.readouterr().out
    assert everything() == before
    assert only_one_generation_is_left()
    assert RebuildRow.load(RebuildRow.PK, RebuildRow.SK) is None


def test_damaged_tables_are_made_right(shop: Shop) -> None:
    before = everything()
    chance = random.Random(0)
    for table in DERIVED:
        for row in table.scan():
            fate = chance.random()
            if fate < 0.3:
                row.delete()
            elif fate < 0.6 and isinstance(row, ItemStatsRow | PlacementStatsRow):
                row.update(actions=[type(row).events.add(5), type(row).units.set(77)])
            elif fate < 0.6 and isinstance(row, EffectsRow):
                row.update(actions=[EffectsRow.effects.set([]), EffectsRow.digest.set("?")])
            elif fate < 0.6 and isinstance(row, ProfileRow):
                row.update(actions=[ProfileRow.packed.set(b"damaged")])
    ItemStatsRow("ghost", "1#total", events=9, points=900, board="1#total#0").save()
    EffectsRow("nobody", "1#2026-11-01#e", effects=[], digest="?").save()
    profile = next(iter(ProfileRow.scan()), None)
    if profile is not None:
        profile.user_id = "ghost"
        profile.save()

    jobs.rebuild()

    assert everything() == before


def test_a_rebuild_beside_a_busy_shop_that_is_killed_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = rebuild._follow
    calls: list[int] = []

    def busy(*arguments: Any) -> int:
        calls.append(1)
        realtime.follow(keys=[shop.act() for _ in range(3)], item_ids=())
        if len(calls) == 2:
            raise RuntimeError("killed")
        found = follow(*arguments)
        realtime.follow(keys=[shop.act() for _ in range(2)], item_ids=())
        return found

    monkeypatch.setattr(rebuild, "_follow", busy)
    with pytest.raises(RuntimeError):
        jobs.rebuild()
    assert len(serving.state().generations) == 2
    monkeypatch.setattr(rebuild, "_follow", follow)
    result = jobs.rebuild()

    assert result["events"] < len(shop.stored) + 20
    before = everything()
    assert only_one_generation_is_left()
    # From nothing, and with nobody else about, it is the same.
    jobs.rebuild()
    assert everything() == before


def test_a_run_out_of_time_is_gone_on_with_and_changed_settings_begin_anew(shop: Shop) -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 1000

    before = everything()
    with pytest.raises(JobError, match="go on"):
        jobs.rebuild({}, Context())
    begun = serving.state().generations
    preferences.change(preferences=preferences.find().preferences, by="ada")

    jobs.rebuild()

    assert serving.state().generations == (begun[1] + 1,)
    assert everything().keys() == before.keys()
    assert only_one_generation_is_left()
