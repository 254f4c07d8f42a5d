"""A version has rows of several kinds: similar, bought together, next, content for new items."""

import pytest

from recommendations import jobs
from recommendations.entities import Item
from recommendations.services import catalogue, events, versions
from recommendations.storage.neighbours import Kind
from recommendations.storage.serving import candidates
from tests.recommendations.factories import event

pytestmark = pytest.mark.usefixtures("dynamodb")

PRODUCTS = [
    Item(item_id="tea", name="Green tea", categories=("Drinks",)),
    Item(item_id="cup", name="Red cup", categories=("Kitchen",)),
    Item(item_id="pot", name="Clay pot", categories=("Kitchen",)),
    Item(item_id="gone", name="Old kettle", categories=("Kitchen",)),
    Item(item_id="out", name="Blue cup", categories=("Kitchen",), available=False),
    Item(item_id="new", name="Red tea cup", categories=("Kitchen",)),
]


@pytest.fixture
def version() -> str:
    """Tea with a cup in one order, then a pot; a product deleted, one sold out, one brand new."""
    catalogue.save(items=PRODUCTS)
    orders = []
    for n in range(12):
        orders += [
            event(f"u{n}", "tea", "cup", "gone", event_id="a", hours=n),
            event(f"u{n}", "pot", "out", event_id="b", hours=n + 20),
        ]
    orders.append(event("v", "new", event_id="a", hours=3))
    events.record(events=orders)
    catalogue.delete(item_id="gone")
    return str(jobs.train()["version"])


def near(item_id: str, kind: Kind, version: str) -> list[str]:
    found = candidates(version=version, item_ids=[item_id], kind=kind).neighbours
    return [row.item_id for row in found.get(item_id, [])]


def test_baskets_and_order_have_rows_of_their_own_without_deleted_products(version: str) -> None:
    found = candidates(version=version, item_ids=["tea"], kind="bought-together")

    (cup,) = found.associations["tea"]
    assert (cup.item_id, cup.support, cup.confidence) == ("cup", 12, 1.0)
    assert cup.lift == pytest.approx(25 / 12)
    assert set(near("tea", "next", version)) == {"pot", "out"}
    assert near("pot", "next", version) == []
    assert set(near("tea", "similar", version)) == {"cup", "pot", "out"}
    # It says something about those who bought it all the same.
    assert "cup" in near("gone", "similar", version)


def test_what_is_hidden_takes_no_place_in_the_lists(version: str) -> None:
    lists = candidates(version=version, lists=["popular", "trending", "popular#Kitchen"]).lists

    assert [item for item, _ in lists["popular"]] == ["cup", "pot", "tea", "new"]
    assert [item for item, _ in lists["trending"]] == ["cup", "pot", "tea", "new"]
    assert [item for item, _ in lists["popular#Kitchen"]] == ["cup", "pot", "new"]


def test_a_new_product_gets_neighbours_by_its_words_in_the_units_of_the_model(
    version: str,
) -> None:
    rows = candidates(version=version, item_ids=["new", "tea"]).neighbours

    assert [row.item_id for row in rows["new"][:2]] == ["cup", "tea"]
    assert {row.support for row in rows["new"]} == {0}
    assert all(row.support == 12 for row in rows["tea"])
    assert rows["new"][0].weight <= max(row.weight for row in rows["tea"]) * 1.01


def test_rows_per_kind_are_counted_and_the_same_ones_are_not_written_again(version: str) -> None:
    first = versions.find(version=version)
    second = jobs.train()

    assert first is not None
    assert first.rows["neighbours"] == 6
    assert first.rows["content"] == 1
    assert first.rows["bought_together"] == first.rows["bought_together_written"] == 5
    assert first.rows["next"] == 3
    written = {
        name for name, count in second["rows"].items() if name.endswith("_written") and count
    }
    assert written == set()
    assert near("tea", "bought-together", second["version"]) == ["cup"]


def test_what_is_no_longer_bought_together_ends_with_the_new_version_only(version: str) -> None:
    for n in range(12):
        for found in events.history(actor=f"u{n}", limit=5).rows:
            if found.event_id == "a":
                events.withdraw(actor=f"u{n}", timestamp=found.timestamp, event_id=found.event_id)
    second = jobs.train()["version"]

    for kind in ("bought-together", "next"):
        assert near("tea", kind, second) == []
        assert near("tea", kind, version) != []
