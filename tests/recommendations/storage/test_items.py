"""The catalogue is found by id, category and words of the name, and hides what is not for sale."""

from collections.abc import Iterable

import pytest

from core.dynamodb.batch import Write
from core.dynamodb.errors import BatchIncompleteError
from core.dynamodb.meter import metered
from recommendations.entities import Item
from recommendations.models import TermRow
from recommendations.services import catalogue
from recommendations.storage import items as storage
from recommendations.storage import serving
from recommendations.storage.terms import words

pytestmark = pytest.mark.usefixtures("dynamodb")


def item(item_id: str, name: str = "Tea", *categories: str, available: bool = True) -> Item:
    return Item(item_id=item_id, name=name, categories=categories, available=available)


def ids(found: tuple[Item, ...]) -> list[str]:
    return [row.item_id for row in found]


def test_products_are_listed_in_order_of_id_in_full_pages() -> None:
    catalogue.save(items=[item(f"{n:03}", available=n % 3 > 0) for n in range(23)])

    first = catalogue.listing(limit=20)
    second = catalogue.listing(limit=20, position=first.next)

    assert ids(first.rows) == [f"{n:03}" for n in range(20)]
    assert ids(second.rows) == ["020", "021", "022"]
    assert second.next is None


def test_products_are_found_by_the_beginning_of_the_id() -> None:
    catalogue.save(items=[item("22423"), item("22457"), item("85123A"), item("2")])

    first = catalogue.listing(prefix="22", limit=1)
    second = catalogue.listing(prefix="22", limit=1, position=first.next)

    assert ids(first.rows + second.rows) == ["22423", "22457"]
    assert second.next is None


def test_availability_and_category_narrow_the_list() -> None:
    catalogue.save(
        items=[
            item("1", "Mug", "Kitchen"),
            item("2", "Pan", "Kitchen", available=False),
            item("3", "Bag", "Bags", "Gifts"),
        ]
    )

    assert ids(catalogue.listing(available=False, limit=5).rows) == ["2"]
    assert ids(catalogue.listing(category="Kitchen", limit=5).rows) == ["1", "2"]
    assert ids(catalogue.listing(category="Kitchen", available=True, limit=5).rows) == ["1"]
    assert ids(catalogue.listing(category="Gifts", limit=5).rows) == ["3"]


def test_search_finds_words_by_their_beginning_and_needs_all_of_them() -> None:
    catalogue.save(
        items=[
            item("1", "White Metal Lantern"),
            item("2", "White Whiteboard"),
            item("3", "Lantern, Red"),
            item("85123A", "Heart"),
        ]
    )

    assert ids(catalogue.search(text="white", limit=5).rows) == ["1", "2"]
    assert ids(catalogue.search(text="LANT whi", limit=5).rows) == ["1"]
    assert ids(catalogue.search(text="85123a", limit=5).rows) == ["85123A"]
    assert catalogue.search(text="nothing", limit=5).rows == ()


def test_search_is_read_in_full_pages() -> None:
    catalogue.save(
        items=[item(f"{n:02}", f"Cake {'stand' if n % 2 else 'tin'}") for n in range(21)]
    )

    first = catalogue.search(text="cake stand", limit=6)
    second = catalogue.search(text="cake stand", limit=6, position=first.next)

    assert ids(first.rows + second.rows) == [f"{n:02}" for n in range(1, 21, 2)]
    assert second.next is None


def test_a_renamed_product_is_found_by_its_new_name_only() -> None:
    catalogue.save(items=[item("1", "Lantern", "Light")])
    catalogue.save(items=[item("1", "Candle", "Home")])

    assert catalogue.search(text="lantern", limit=5).rows == ()
    assert ids(catalogue.search(text="candle", limit=5).rows) == ["1"]
    assert catalogue.listing(category="Light", limit=5).rows == ()


def test_a_product_that_is_not_available_is_hidden_until_it_is_again() -> None:
    catalogue.save(items=[item("1", available=False)])
    assert serving.state().hidden == {"1"}

    catalogue.save(items=[item("1")])
    assert serving.state().hidden == frozenset()


def test_a_deleted_product_is_gone_hidden_and_not_revived_by_an_event() -> None:
    catalogue.save(items=[item("1", "Lantern")])

    assert catalogue.delete(item_id="1")
    catalogue.ensure(item_ids={"1"})

    assert catalogue.find(item_id="1") is None
    assert catalogue.search(text="lantern", limit=5).rows == ()
    assert catalogue.listing(limit=5).rows == ()
    assert serving.state().hidden == {"1"}
    assert not catalogue.delete(item_id="1")


def test_a_deleted_product_may_be_created_again() -> None:
    catalogue.save(items=[item("1")])
    catalogue.delete(item_id="1")
    catalogue.save(items=[item("1", "New")])

    assert ids(catalogue.search(text="new", limit=5).rows) == ["1"]
    assert serving.state().hidden == frozenset()


def test_unknown_products_get_their_id_as_name_and_known_ones_stay() -> None:
    catalogue.save(items=[item("1", "Lantern")])
    catalogue.ensure(item_ids={"1", "2"})

    found = catalogue.find_many(item_ids=["1", "2", "3"])

    assert {key: row.name for key, row in found.items()} == {"1": "Lantern", "2": "2"}


@pytest.mark.parametrize("rows", [20, 600])
def test_a_search_reads_no_more_when_the_catalogue_grows(rows: int) -> None:
    catalogue.save(items=[item(f"{n:04}", f"Thing {n:04}") for n in range(rows)])
    catalogue.save(items=[item("x", "Rare Lantern")])

    with metered() as meter:
        assert ids(catalogue.search(text="lantern", limit=5).rows) == ["x"]
        assert ids(catalogue.listing(prefix="0003", limit=5).rows) == ["0003"]

    assert meter.round_trips == 4


def test_words_of_any_length_fit_into_a_key() -> None:
    longest = item("\U0001d504" * 128, "\U0001d504" * 500, "\U0001d504" * 100)
    catalogue.save(items=[longest])

    assert all(len(row.entry.encode()) <= 1024 for row in TermRow.scan())
    assert catalogue.search(text="\U0001d504" * 128, limit=1).rows == (longest,)


def test_words_are_letters_and_digits_in_one_case() -> None:
    assert words("Set/3 RED-Spot  Tins, set") == ["set", "3", "red", "spot", "tins"]


def test_a_bare_product_never_replaces_one_that_came_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    catalogue.save(items=[item("1", "Lantern", available=False), item("2", "Mug")])
    catalogue.delete(item_id="2")

    with monkeypatch.context() as patch:
        # What an eventually consistent read may still answer.
        patch.setattr("recommendations.storage.items._stored", lambda *_, **__: {})
        catalogue.ensure(item_ids={"1", "2", "3"})

    found = catalogue.find_many(item_ids=["1", "2", "3"])
    assert {key: row.name for key, row in found.items()} == {"1": "Lantern", "3": "3"}
    assert serving.state().hidden == {"1", "2"}


@pytest.mark.parametrize("failing_write", [1, 2, 3])
def test_saving_again_after_a_failure_half_way_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, failing_write: int
) -> None:
    catalogue.save(items=[item("1", "Lantern", "Light", available=False)])
    write_all, calls = storage.write_all, []

    def fail_once(writes: Iterable[Write]) -> int:
        calls.append(1)
        if len(calls) == failing_write:
            raise BatchIncompleteError(list(writes))
        return write_all(writes)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "write_all", fail_once)
        with pytest.raises(BatchIncompleteError):
            catalogue.save(items=[item("1", "Candle", "Home")])
    catalogue.save(items=[item("1", "Candle", "Home")])

    assert serving.state().hidden == frozenset()
    assert catalogue.listing(category="Light", limit=5).rows == ()
    assert catalogue.search(text="lantern", limit=5).rows == ()
    assert ids(catalogue.listing(category="Home", limit=5).rows) == ["1"]


def test_a_search_that_finds_little_stops_reading_and_says_where_to_go_on() -> None:
    catalogue.save(items=[item(f"{n:04}", "Cup") for n in range(1200)])
    catalogue.save(items=[item("x", "Cup", "Rare")])

    with metered() as meter:
        first = catalogue.search(text="cup", category="Rare", limit=5)
    second = catalogue.search(text="cup", category="Rare", limit=5, position=first.next)

    assert meter.round_trips <= 20
    assert first.rows == ()
    assert ids(second.rows) == ["x"]
    assert second.next is None
