"""The customers of the shop."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from core.dynamodb.errors import BatchIncompleteError
from core.pages import Page
from users.entities import Customer
from users.signals import customer_erased, customer_exported
from users.storage import customers as storage
from users.storage.customers import MAX_READS

_TABLE = "users"
_TRIES = 10
# Well within what API Gateway waits for an answer, 29 seconds: a part may take some of its own.
ERASE_SECONDS = 15.0


class ErasureUnfinishedError(Exception):
    """There was more to erase than fits into a request; erase again to go on.

    Attributes
    ----------
    erased
        The rows erased by this try, by table.
    """

    def __init__(self, erased: dict[str, int]) -> None:
        super().__init__(
            f"{sum(erased.values())} rows are erased, and there are more; erase again to go on"
        )
        self.erased = erased


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureReceipt:
    """What an erasure did, by table: the rows erased, and those found when it read again."""

    user_id: str
    erased: dict[str, int]
    remaining: dict[str, int]

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was stored about this customer."""
        return not any(self.erased.values())


def save(*, customers: Sequence[Customer]) -> set[str]:
    """Create or replace customers; of two with one id the later one counts.

    Returns the ids of those that were replaced.
    """
    return storage.put(customers)


def change(*, user_id: str, edit: Callable[[Customer], Customer]) -> Customer | None:
    """Replace a customer by what ``edit`` makes of it, undoing nobody else's change.

    Returns what is stored now; None when there is no such customer.

    Raises
    ------
    BatchIncompleteError
        When others changed the customer at every try.
    """
    for _ in range(_TRIES):
        old = storage.load(user_id)
        if old is None:
            return None
        new = edit(old)
        if storage.replace(old, new):
            return new
    raise BatchIncompleteError([user_id])


def find(*, user_id: str) -> Customer | None:
    return storage.load(user_id)


def find_many(*, user_ids: Collection[str]) -> dict[str, Customer]:
    """Return those that exist, by id."""
    return storage.load_many(user_ids)


def listing(*, limit: int, position: Any = None) -> Page[Customer]:
    """Return customers in order of id."""
    return storage.listing(limit=limit, position=position)


def search(
    *,
    text: str = "",
    label: str | None = None,
    limit: int,
    position: Any = None,
    reads: int = MAX_READS,
) -> Page[Customer]:
    """Return customers whose id, e-mail address or label begins with the text, and with a label.

    Case makes no difference. After so many reads, of 100 rows each, it returns what it has found
    and where to go on.
    """
    return storage.search(text=text, label=label, limit=limit, position=position, reads=reads)


def everything() -> Iterator[Customer]:
    """Yield all customers in no particular order, with bounded memory: for exports."""
    return storage.everything()


def ensure(*, user_ids: Collection[str]) -> set[str]:
    """Create bare customers for the ids that are not known yet; return the ids created."""
    return storage.insert_missing(list(dict.fromkeys(user_ids)))


def forget_bare(*, user_id: str) -> None:
    """Remove a customer of whom nothing but the id is stored; leave any other alone."""
    storage.delete_bare(user_id)


def erase(*, user_id: str) -> ErasureReceipt:
    """Erase a customer and every row derived from it, then read again what is left.

    The customer's own row goes last, so that an erasure that failed half-way is run again.

    Raises
    ------
    ErasureUnfinishedError
        When there is more than fits into a request. What is erased stays so.
    """
    until = time.monotonic() + ERASE_SECONDS
    erased: Counter[str] = Counter()
    for _, parts in customer_erased.send(sender=Customer, user_id=user_id):
        for table, count in parts:
            erased[table] += count
            if count and time.monotonic() > until:
                raise ErasureUnfinishedError(dict(erased))
    erased[_TABLE] = int(storage.delete(user_id))
    left = export(user_id=user_id)
    remaining = {table: len(left.get(table, [])) for table in {*erased, *left}}
    return ErasureReceipt(
        user_id=user_id,
        erased={table: erased[table] for table in sorted(remaining)},
        remaining=dict(sorted(remaining.items())),
    )


def export(*, user_id: str) -> dict[str, list[Any]]:
    """Return all that is stored about a customer: rows of plain JSON data by table."""
    customer = find(user_id=user_id)
    document: dict[str, list[Any]] = {}
    if customer is not None:
        document[_TABLE] = [msgspec.to_builtins(customer)]
    for _, rows in customer_exported.send(sender=Customer, user_id=user_id):
        for table, part in rows.items():
            document.setdefault(table, []).extend(part)
    return document
