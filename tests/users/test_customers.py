"""Customers are stored, found by id and e-mail, and erased."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from core.dynamodb.errors import BatchIncompleteError
from users.entities import Customer
from users.models import CustomerRow
from users.services import customers
from users.signals import customer_erased, customer_exported
from users.storage import customers as storage

pytestmark = pytest.mark.usefixtures("dynamodb")


def ids(prefix: str = "", limit: int = 2) -> list[str]:
    found: list[str] = []
    position = None
    while True:
        page = customers.listing(prefix=prefix, limit=limit, position=position)
        found += [customer.user_id for customer in page.rows]
        if page.next is None:
            return found
        assert len(page.rows) == limit
        position = page.next


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


def test_search_finds_id_and_email_prefixes_each_customer_once() -> None:
    rows = [("ann1", "ann1@x.org"), ("ann2", "zoe@x.org"), ("bob", "Annika@x.org")]
    rows += [("cid", "anna@x.org"), ("anna@y.org", "anna@y.org"), ("dan", None)]
    customers.save(customers=[Customer(user_id=one, email=two) for one, two in rows])

    for limit in (1, 2, 3, 10):
        assert ids("ann", limit=limit) == ["ann1", "ann2", "anna@y.org", "cid", "bob"]
    assert ids("ANNI") == ["bob"]


def test_addresses_of_any_length_fit_into_a_key() -> None:
    email = "\U0001d504" * 200 + "@x.org"
    customers.save(customers=[Customer(user_id="\U0001d504" * 128, email=email)])

    (row,) = CustomerRow.scan()
    assert len(row.email_key.encode()) <= 1024
    assert ids(email[:128], limit=1) == [row.user_id]


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

    def erase(user_id: str, **_: object) -> dict[str, int]:
        return {"things": len(rows.pop(user_id, []))}

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
    def forget_nothing(user_id: str, **_: object) -> dict[str, int]:
        derived["a"] = ["late"]
        return {"late": 0}

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
