"""Customers of the shop."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from core.dynamodb.batch import Get, Put, read_batch, write_batch
from core.dynamodb.conditions import delete_if, save_if
from core.dynamodb.inserts import insert_new
from core.dynamodb.sharded import LAST, NEXT, merge_shards, shard_of
from core.pages import Page
from users.entities import Customer
from users.models import CustomerDirectory, CustomerRow, CustomersByEmail

_SHARDS = 4
_SHARD_NAMES = [str(number) for number in range(_SHARDS)]
# So much of an address, with an id behind it, fits into DynamoDB's 1,024 bytes of a range key.
_EMAIL_LENGTH = 120


def _row(customer: Customer) -> CustomerRow:
    shard = str(shard_of(customer.user_id, shards=_SHARDS))
    row = CustomerRow(
        customer.user_id,
        shard=shard,
        email=customer.email,
        name=customer.name,
        labels=list(customer.labels) or None,
        attributes=customer.attributes or None,
    )
    email = customer.email.lower() if customer.email else None
    # Where the id is the e-mail address, a search by id finds it already.
    if email and email != customer.user_id:
        row.email_shard = shard
        row.email_key = f"{email[:_EMAIL_LENGTH]}#{customer.user_id}"
    return row


def _entity(row: CustomerRow) -> Customer:
    return Customer(
        user_id=row.user_id,
        email=row.email,
        name=row.name,
        labels=tuple(row.labels or ()),
        attributes=row.attributes or {},
    )


def put(customers: Sequence[Customer]) -> None:
    write_batch([Put(_row(customer)) for customer in customers])


def replace(old: Customer, new: Customer) -> bool:
    """Store a customer if it still is as it was read; return whether it was."""
    was = _row(old)
    unchanged = CustomerRow.user_id.exists()
    for name in ("email", "name", "labels", "attributes"):
        attribute, value = getattr(CustomerRow, name), getattr(was, name)
        unchanged &= attribute.does_not_exist() if value is None else attribute == value
    return save_if(_row(new), unchanged)


def everything() -> Iterator[Customer]:
    """Yield all customers, shard by shard; one page of DynamoDB's is in memory at a time."""
    for shard in _SHARD_NAMES:
        yield from map(_entity, CustomerRow.directory.query(shard))


def load(user_id: str) -> Customer | None:
    row = CustomerRow.load(user_id, consistent=True)
    return None if row is None else _entity(row)


def load_many(user_ids: Collection[str]) -> dict[str, Customer]:
    rows = read_batch([Get(CustomerRow, user_id) for user_id in user_ids])
    return {row.user_id: _entity(row) for row in rows if isinstance(row, CustomerRow)}


def delete(user_id: str) -> bool:
    """Delete a customer's row; return whether there was one."""
    return delete_if(CustomerRow(user_id), CustomerRow.user_id.exists())


def insert_missing(user_ids: Collection[str]) -> set[str]:
    """Store a bare row for each id that has none; return the ids of those that were stored.

    What is there already is never overwritten.
    """
    existing = load_many(user_ids)
    rows = [_row(Customer(user_id=each)) for each in user_ids if each not in existing]
    return {row.user_id for row in insert_new(rows)}


def delete_bare(user_id: str) -> None:
    """Remove a customer of whom nothing but the id is stored; leave any other alone."""
    bare = (
        CustomerRow.email.does_not_exist()
        & CustomerRow.name.does_not_exist()
        & CustomerRow.labels.does_not_exist()
        & CustomerRow.attributes.does_not_exist()
    )
    delete_if(CustomerRow(user_id), bare)


def _by_id(prefix: str, after: str, limit: int) -> list[CustomerRow]:
    first = max(prefix, after + NEXT) if after else prefix or NEXT

    def read(shard: str) -> list[CustomerRow]:
        condition = CustomerDirectory.user_id.between(first, prefix + LAST)
        return list(CustomerRow.directory.query(shard, condition, limit=limit))

    return merge_shards(read, shards=_SHARD_NAMES, key=lambda row: row.user_id, limit=limit)


def _by_email(prefix: str, after: str, limit: int) -> list[CustomerRow]:
    first = max(prefix, after + NEXT) if after else prefix

    def read(shard: str) -> list[CustomerRow]:
        condition = CustomersByEmail.email_key.between(first, prefix + LAST)
        return list(CustomerRow.by_email.query(shard, condition, limit=limit))

    return merge_shards(read, shards=_SHARD_NAMES, key=lambda row: str(row.email_key), limit=limit)


def listing(*, prefix: str, limit: int, position: Any) -> Page[Customer]:
    """Return customers in order of id; with a prefix, then those whose e-mail address has it.

    One query per shard, and with a prefix one more; who is found by id is not repeated by
    e-mail address, which may take further queries where many match both ways.
    """
    phase, after = position or ("id", "")
    found: list[tuple[list[str], Customer]] = []
    if phase == "id":
        rows = _by_id(prefix, after, limit + 1)
        found = [(["id", row.user_id], _entity(row)) for row in rows]
        after = ""
    if prefix and len(found) <= limit:
        found += _search_email(prefix, after, limit + 1 - len(found))
    page = found[:limit]
    return Page(tuple(row for _, row in page), page[-1][0] if len(found) > limit else None)


def _search_email(prefix: str, after: str, wanted: int) -> list[tuple[list[str], Customer]]:
    keys: list[tuple[str, str]] = []
    more = True
    while more and len(keys) < wanted:
        rows = _by_email(prefix.lower()[:_EMAIL_LENGTH], after, wanted)
        more = len(rows) == wanted
        keys += [
            (str(row.email_key), row.user_id) for row in rows if not row.user_id.startswith(prefix)
        ]
        if rows:
            after = str(rows[-1].email_key)
    customers = load_many([user_id for _, user_id in keys])
    return [(["email", key], customers[user_id]) for key, user_id in keys if user_id in customers][
        :wanted
    ]
