"""Customers of the shop."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial

from core.dynamodb.batch import READ_LIMIT, Delete, Get, Put, Write, read_batch, write_all
from core.dynamodb.conditions import delete_if, save_if
from core.dynamodb.inserts import insert_new
from core.dynamodb.sharded import LAST, NEXT, merge_shards, shard_of
from core.pages import Page, page_along, page_of
from users.entities import Customer
from users.models import CustomerDirectory, CustomerRow, CustomersByTerm, CustomerTermRow

_SHARDS = 2
_SHARD_NAMES = [str(number) for number in range(_SHARDS)]
# So much of a term, with an id behind it, fits into DynamoDB's 1,024 bytes of a range key.
_LONGEST = 100
# Shorter searches look at the beginning of ids only.
_STEM = 2
MAX_READS = 10


def _row(customer: Customer) -> CustomerRow:
    return CustomerRow(
        customer.user_id,
        shard=str(shard_of(customer.user_id, shards=_SHARDS)),
        email=customer.email,
        name=customer.name,
        labels=list(customer.labels) or None,
        attributes=customer.attributes or None,
    )


def _folded(text: str) -> str:
    return text.casefold()[:_LONGEST]


def _terms(customer: Customer) -> set[str]:
    """Return what a customer is found by: the id, the e-mail address and the labels."""
    texts = (customer.user_id, customer.email or "", *customer.labels)
    return {_folded(text) for text in texts if text}


def _entry(user_id: str, term: str) -> str:
    return f"{term}#{user_id}"


def _term_rows(user_id: str, terms: Iterable[str]) -> list[Write]:
    entries = {term: _entry(user_id, term) for term in terms}
    return [
        Put(CustomerTermRow(user_id, term, stem=entry[:_STEM], entry=entry))
        for term, entry in entries.items()
    ]


def _gone_terms(user_id: str, terms: Iterable[str]) -> list[Write]:
    return [Delete(CustomerTermRow, user_id, term) for term in terms]


def _entity(row: CustomerRow) -> Customer:
    return Customer(
        user_id=row.user_id,
        email=row.email,
        name=row.name,
        labels=tuple(row.labels or ()),
        attributes=row.attributes or {},
    )


def put(customers: Sequence[Customer]) -> set[str]:
    """Create or replace customers; of two with one id the later one counts.

    Returns the ids of those that were replaced.
    """
    wanted = {customer.user_id: customer for customer in customers}
    before = load_many(wanted, consistent=True)
    fresh: list[Write] = []
    stale: list[Write] = []
    for user_id, customer in wanted.items():
        old = _terms(before[user_id]) if user_id in before else set()
        new = _terms(customer)
        fresh += _term_rows(user_id, new - old)
        stale += _gone_terms(user_id, old - new)
    write_all(fresh)
    write_all(Put(_row(customer)) for customer in wanted.values())
    write_all(stale)
    return set(before)


def replace(old: Customer, new: Customer) -> bool:
    """Store a customer if it still is as it was read; return whether it was.

    Terms that a refused try has left do no harm: readers compare them with the customer.
    """
    was = _row(old)
    unchanged = CustomerRow.user_id.exists()
    for name in ("email", "name", "labels", "attributes"):
        attribute, value = getattr(CustomerRow, name), getattr(was, name)
        unchanged &= attribute.does_not_exist() if value is None else attribute == value
    write_all(_term_rows(new.user_id, _terms(new) - _terms(old)))
    if not save_if(_row(new), unchanged):
        return False
    write_all(_gone_terms(new.user_id, _terms(old) - _terms(new)))
    return True


def everything() -> Iterator[Customer]:
    """Yield all customers, shard by shard; one page of DynamoDB's is in memory at a time."""
    for shard in _SHARD_NAMES:
        yield from map(_entity, CustomerRow.directory.query(shard))


def load(user_id: str) -> Customer | None:
    row = CustomerRow.load(user_id, consistent=True)
    return None if row is None else _entity(row)


def load_many(user_ids: Collection[str], *, consistent: bool = False) -> dict[str, Customer]:
    gets = [Get(CustomerRow, user_id) for user_id in dict.fromkeys(user_ids)]
    rows = read_batch(gets, consistent=consistent)
    return {row.user_id: _entity(row) for row in rows if isinstance(row, CustomerRow)}


def delete(user_id: str) -> bool:
    """Delete a customer's row and all terms; return whether there was a row."""
    found = CustomerTermRow.query(user_id, consistent_read=True)
    write_all(_gone_terms(user_id, [row.term for row in found]))
    return delete_if(CustomerRow(user_id), CustomerRow.user_id.exists())


def insert_missing(user_ids: Collection[str]) -> set[str]:
    """Store a bare row for each id that has none; return the ids of those that were stored.

    What is there already is never overwritten.
    """
    existing = load_many(user_ids)
    bare = [Customer(user_id=each) for each in user_ids if each not in existing]
    # Whoever has this id has this term, also one that is stored meanwhile.
    write_all(row for customer in bare for row in _term_rows(customer.user_id, _terms(customer)))
    return {row.user_id for row in insert_new([_row(customer) for customer in bare])}


def delete_bare(user_id: str) -> None:
    """Remove a customer of whom nothing but the id is stored; leave any other alone."""
    bare = (
        CustomerRow.email.does_not_exist()
        & CustomerRow.name.does_not_exist()
        & CustomerRow.labels.does_not_exist()
        & CustomerRow.attributes.does_not_exist()
    )
    if delete_if(CustomerRow(user_id), bare):
        write_all(_gone_terms(user_id, _terms(Customer(user_id=user_id))))


def listing(*, prefix: str = "", limit: int, position: str | None = None) -> Page[Customer]:
    """Return customers in order of id, those after ``position`` if given; a query per shard."""
    first = max(prefix, "" if position is None else position + NEXT) or NEXT

    def read(shard: str) -> list[CustomerRow]:
        condition = CustomerDirectory.user_id.between(first, prefix + LAST)
        return list(CustomerRow.directory.query(shard, condition, limit=limit + 1))

    rows = merge_shards(read, shards=_SHARD_NAMES, key=lambda row: row.user_id, limit=limit + 1)
    return page_of(rows, limit=limit, entity=_entity, position=lambda row: row.user_id)


def search(
    *,
    text: str = "",
    label: str | None = None,
    limit: int,
    position: str | None = None,
    reads: int = MAX_READS,
) -> Page[Customer]:
    """Return customers whose id, e-mail address or a label begins with the text; once each.

    With a label those who have it, and who begin like that too. Case makes no difference, but for
    a text of one letter, which is the beginning of an id. Each read is a query and a batch.
    """
    wanted = _folded(text)
    along = wanted if label is None else f"{_folded(label)}#"
    if len(along) < _STEM:
        return listing(prefix=text, limit=limit, position=position)

    def passes(row: CustomerTermRow, customer: Customer | None) -> bool:
        if customer is None:
            return False
        if label is not None:
            starts = any(term.startswith(wanted) for term in _terms(customer))
            has_it = row.entry == _entry(customer.user_id, _folded(label))
            return label in customer.labels and has_it and starts
        # Somebody with several terms that match has several rows, and counts at the first.
        matching = [term for term in _terms(customer) if term.startswith(wanted)]
        return bool(matching) and row.entry == _entry(customer.user_id, min(matching))

    def keep(rows: Sequence[CustomerTermRow]) -> list[Customer | None]:
        found = load_many([row.user_id for row in rows])
        customers = [(row, found.get(row.user_id)) for row in rows]
        return [customer if passes(row, customer) else None for row, customer in customers]

    return page_along(
        partial(_along, along),
        keep,
        position_of=lambda row: row.entry,
        step=READ_LIMIT,
        limit=limit,
        position=position,
        reads=reads,
    )


def _along(beginning: str, position: str | None) -> list[CustomerTermRow]:
    first = beginning if position is None else position + NEXT
    condition = CustomersByTerm.entry.between(first, beginning + LAST)
    return list(CustomerTermRow.by_term.query(beginning[:_STEM], condition, limit=READ_LIMIT))
