"""What is hidden is named in a row that stays small, and what that makes stale comes back right."""

import json

import pytest

from core.dynamodb.meter import metered
from recommendations.entities import Item
from recommendations.models import ServingRow
from recommendations.preferences import Preferences
from recommendations.services import catalogue, preferences, profiles, recommend
from recommendations.storage import availability, serving
from recommendations.storage import items as storage
from tests.recommendations.factories import event, happen, store_model

pytestmark = pytest.mark.usefixtures("dynamodb")


def save(*item_ids: str, available: bool) -> None:
    catalogue.save(items=[Item(item_id=each, name=each, available=available) for each in item_ids])


def personal() -> list[str]:
    answer = recommend.serve(recommender="personal", user_id="ann")
    return [row.item_id for row in answer.results]


@pytest.fixture
def _ann() -> None:
    store_model("v1", {"tea": [("cup", 0.9), ("pot", 0.5)]}, popular=["rug", "lamp"])
    happen(event("ann", "tea"))


def test_what_is_hidden_is_named_until_it_is_shown_again() -> None:
    save("a", "b", available=False)
    assert serving.state().hidden == {"a", "b"}

    save("a", available=True)
    assert serving.state().hidden == {"b"}

    save("b", available=False)
    catalogue.delete(item_id="b")
    assert (serving.state().hidden, serving.state().epoch) == ({"b"}, 0)


def test_a_full_row_begins_a_new_epoch_and_stays_small() -> None:
    for number in range(3):
        save(*(f"{number}-{n}" for n in range(60)), available=False)

    state = serving.state()

    assert state.epoch == 2
    assert state.hidden == {f"2-{n}" for n in range(60)}


def test_a_bulk_change_names_only_some_and_is_announced_before_and_after() -> None:
    save(*(f"i{n}" for n in range(250)), available=False)

    assert len(serving.state().hidden) == availability.MAX_NAMED
    assert serving.state().epoch == 2
    with metered() as meter:
        save(*(f"i{n}" for n in range(250)), available=False)
    assert serving.state().epoch == 2, "what was hidden already is no change"
    assert meter.round_trips < 20


def test_the_row_that_every_request_reads_costs_half_a_read_unit_when_it_is_full() -> None:
    store_model("2026-11-22T03:00Z-1", {})
    preferences.change(preferences=Preferences(half_life_days=30), by="tests")
    save(*(f"SKU-{n:06}-RED" for n in range(100)), available=False)

    row = ServingRow.load(ServingRow.PK, ServingRow.SK)

    assert row is not None
    assert len(row.hidden) == 100
    assert len(json.dumps(row.serialize())) < 4096


@pytest.mark.usefixtures("_ann")
def test_what_is_hidden_in_bulk_is_out_at_the_next_answer_and_comes_back() -> None:
    assert personal() == ["cup", "pot", "rug", "lamp"]
    others = [f"i{n:03}" for n in range(200)]

    save(*others, "cup", "rug", available=False)
    assert "cup" not in serving.state().hidden or "rug" not in serving.state().hidden
    assert personal() == ["pot", "lamp"]
    assert personal() == ["pot", "lamp"]

    save("cup", available=True)
    profiles.refresh(user_id="ann")
    assert personal() == ["cup", "pot", "lamp"]
    answer = recommend.serve(recommender="similar", item_ids=["tea"], fallbacks=("popular",))
    assert [row.item_id for row in answer.results] == ["cup", "pot", "lamp"]


@pytest.mark.usefixtures("_ann")
def test_a_product_hidden_while_a_new_epoch_begins_does_not_slip_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert personal()[0] == "cup"
    write = storage.write_all

    def write_late(writes: object, **options: object) -> int:
        # Between the announcement and the row: others fill the row up, and a list is computed.
        monkeypatch.setattr(storage, "write_all", write)
        save(*(f"i{n:03}" for n in range(100)), available=False)
        assert personal()[0] == "cup"
        return write(writes, **options)

    monkeypatch.setattr(storage, "write_all", write_late)
    save("cup", available=False)

    assert personal() == ["pot", "rug", "lamp"]


@pytest.mark.usefixtures("_ann")
def test_the_rows_a_request_reads_do_not_grow_with_the_number_of_hidden_products() -> None:
    def cost() -> float:
        personal()
        with metered() as meter:
            recommend.serve(recommender="session", item_ids=["tea"])
        trips = meter.round_trips
        with metered() as meter:
            serving.state()
        return trips + meter.read_units

    save(*(f"a{n:03}" for n in range(150)), available=False)
    before = cost()
    save(*(f"b{n:04}" for n in range(1000)), available=False)

    assert cost() == before
