"""Customers are stored, found by id and e-mail, and erased."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from core.dynamodb.errors import BatchIncompleteError
from core.dynamodb.meter import metered
from users.entities import Customer
from users.models import CustomerTermRow
from users.services import customers
from users.signals import customer_erased, customer_exported
from users.storage import customers as storage

pytestmark = pytest.mark.usefixtures("dynamodb")


def ids(text: str = "", limit: int = 2, label: str | None = None) -> list[str]:
    found: list[str] = []
    position = None
    while True:
        page = customers.search(text=text, label=label, limit=limit, position=position)
        found += [customer.user_id for customer in page.rows]
        if page.next is None:
            return found
        assert len(page.rows) == limit
        position = page.next


def terms() -> set[str]:
    return {row.term for row in CustomerTermRow.scan()}


def test_a_customer_is_replaced_whole() -> None:
    full = Customer(
        user_id="a/b é",
        email="Ann@example.com",
        name="Ann",
        labels=("vip",),
        attributes={"age": 40, "ok": True, "note": None, "rate": 1.5},
    )
    customers.save(customers=[full])
    assert customers.find(user_id="a/b é") == full

    customers.save(customers=[Customer(user_id="a/b é")])
    assert customers.find(user_id="a/b é") == Customer(user_id="a/b é")
    assert ids("ann") == []


def test_listing_is_in_order_of_id_over_all_shards_with_full_pages() -> None:
    wanted = [f"c{number:02}" for number in range(25)]
    customers.save(customers=[Customer(user_id=user_id) for user_id in reversed(wanted)])

    assert ids(limit=4) == wanted
    assert ids("c1", limit=3) == wanted[10:20]
    assert ids("d") == []


def test_search_finds_what_id_email_and_labels_begin_with_each_customer_once() -> None:
    rows = [("ann1", "ann1@x.org"), ("ann2", "zoe@x.org"), ("Bob", "Annika@x.org")]
    rows += [("cid", "anna@x.org"), ("anna@y.org", "anna@y.org"), ("dan", None)]
    customers.save(customers=[Customer(user_id=one, email=two) for one, two in rows])
    customers.save(customers=[Customer(user_id="eve", labels=("Annual plan", "vip"))])

    for limit in (1, 2, 3, 10):
        assert ids("ann", limit=limit) == ["ann1", "ann2", "cid", "anna@y.org", "Bob", "eve"]
    assert ids("ANNI") == ["Bob"]
    assert ids("bo") == ["Bob"]
    assert ids("e") == ["eve"]
    assert ids("vi") == ["eve"]


def test_a_label_narrows_what_is_searched() -> None:
    labels = {"a1": ("vip",), "a2": ("vip", "vip#2"), "b": ("vip", "x"), "c": ("VIP",), "d": ("x",)}
    customers.save(
        customers=[Customer(user_id=user_id, labels=own) for user_id, own in labels.items()]
    )

    for limit in (1, 3):
        assert ids(label="vip", limit=limit) == ["a1", "a2", "b"]
    assert ids("a", label="vip") == ["a1", "a2"]
    assert ids(label="x") == ["b", "d"]
    assert ids(label="vi") == []


def test_a_search_looks_no_further_than_it_was_told_and_says_where_to_go_on() -> None:
    customers.save(
        customers=[Customer(user_id=f"u{n:03}", labels=("vip",)) for n in range(120)]
        + [Customer(user_id="zoe", labels=("vip",))]
    )

    with metered() as meter:
        first = customers.search(text="zo", label="vip", limit=25, reads=1)
    rest = customers.search(text="zo", label="vip", limit=25, position=first.next, reads=1)

    assert first.rows == ()
    assert [customer.user_id for customer in rest.rows] == ["zoe"]
    assert meter.round_trips == 2


def test_nothing_of_a_former_address_or_of_an_erased_customer_is_left_to_search_by() -> None:
    customers.save(customers=[Customer(user_id="ann", email="ann@x.org", labels=("vip",))])
    customers.save(customers=[Customer(user_id="ann", email="new@x.org")])
    assert terms() == {"ann", "new@x.org"}
    # As of two changes at one moment, of which one lost.
    storage.write_all(storage._term_rows("ann", ["lost@x.org"]))
    assert ids("lost") == []

    customers.erase(user_id="ann")

    assert terms() == set()


def test_terms_of_any_length_fit_into_a_key() -> None:
    email = "\U0001d504" * 200 + "@x.org"
    customers.save(customers=[Customer(user_id="\U0001d504" * 128, email=email)])

    assert max(len(row.entry.encode()) for row in CustomerTermRow.scan()) <= 1024
    assert ids(email[:128], limit=1) == ["\U0001d504" * 128]


def test_ensure_creates_only_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    named = Customer(user_id="u5", name="Five")
    customers.save(customers=[named])

    customers.ensure(user_ids=[f"u{number}" for number in range(150)])

    assert customers.find(user_id="u5") == named
    assert len(customers.find_many(user_ids=[f"u{number}" for number in range(200)])) == 150


def test_ensure_never_overwrites_a_customer_created_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named = Customer(user_id="u1", name="One")
    customers.save(customers=[named])
    seen = storage.load_many
    answers = iter([{}])
    monkeypatch.setattr(storage, "load_many", lambda ids: next(answers, None) or seen(ids))

    customers.ensure(user_ids=["u0", "u1", "u2"])

    assert customers.find(user_id="u1") == named
    assert customers.find(user_id="u0") == Customer(user_id="u0")


@pytest.fixture
def derived() -> Iterator[dict[str, list[str]]]:
    """Stands for another app that keeps rows about customers."""
    rows = {"a": ["one", "two"]}

    def erase(user_id: str, **_: object) -> Iterator[tuple[str, int]]:
        yield "things", len(rows.pop(user_id, []))

    def export(user_id: str, **_: object) -> dict[str, list[str]]:
        return {"things": rows[user_id]} if user_id in rows else {}

    customer_erased.connect(erase)
    customer_exported.connect(export)
    yield rows
    customer_erased.disconnect(erase)
    customer_exported.disconnect(export)


def test_export_and_erasure_reach_what_other_apps_derived(derived: dict[str, list[str]]) -> None:
    customers.save(customers=[Customer(user_id="a", name="Ann")])

    document = customers.export(user_id="a")
    receipt = customers.erase(user_id="a")
    again = customers.erase(user_id="a")

    assert document["things"] == ["one", "two"]
    assert document["users"][0]["name"] == "Ann"
    assert receipt.erased.items() >= {"things": 2, "users": 1}.items()
    assert not any(receipt.remaining.values())
    assert again.is_empty


def test_a_receipt_tells_of_rows_that_were_left(derived: dict[str, list[str]]) -> None:
    def forget_nothing(user_id: str, **_: object) -> Iterator[tuple[str, int]]:
        derived["a"] = ["late"]
        yield "late", 0

    customer_erased.connect(forget_nothing)
    try:
        assert customers.erase(user_id="a").remaining["things"] == 1
    finally:
        customer_erased.disconnect(forget_nothing)


def test_two_changes_at_the_same_moment_both_last() -> None:
    full = Customer(
        user_id="a", email="a@b.c", labels=("vip", "é"), attributes={"b": 1.5, "a": None, "c": True}
    )
    customers.save(customers=[full])
    tries = []

    def slow(row: Customer) -> Customer:
        tries.append(row)
        if len(tries) == 1:
            customers.change(user_id="a", edit=lambda other: replace(other, name="Ann"))
        return replace(row, labels=("new",))

    changed = customers.change(user_id="a", edit=slow)

    assert len(tries) == 2
    assert changed == customers.find(user_id="a") == replace(full, name="Ann", labels=("new",))


def test_a_change_never_brings_back_who_was_erased() -> None:
    customers.save(customers=[Customer(user_id="a")])

    def erasing(row: Customer) -> Customer:
        customers.erase(user_id="a")
        return row

    assert customers.change(user_id="a", edit=erasing) is None
    assert customers.find(user_id="a") is None


def test_a_change_that_others_keep_undoing_is_given_up() -> None:
    customers.save(customers=[Customer(user_id="a")])
    names = iter(range(100))

    def disturbed(row: Customer) -> Customer:
        customers.save(customers=[Customer(user_id="a", name=f"{next(names)}")])
        return row

    with pytest.raises(BatchIncompleteError):
        customers.change(user_id="a", edit=disturbed)
