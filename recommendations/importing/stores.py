"""Store what was read, in batches, through the services."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from recommendations.entities import Event, Item
from recommendations.importing.columns import Kind
from recommendations.services import catalogue, events
from users.entities import Customer
from users.services import customers

Store = Callable[[Sequence[Any]], None]

_REMEMBERED_IDS = 200_000


class _New:
    """Tells which ids were not seen before, in bounded memory; it may forget some."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def among(self, ids: Collection[str]) -> set[str]:
        return set(ids) - self._seen

    def add(self, ids: Collection[str]) -> None:
        if len(self._seen) + len(ids) > _REMEMBERED_IDS:
            self._seen.clear()
        self._seen.update(ids)


class _EventStore:
    def __init__(self) -> None:
        self._users = _New()
        self._items = _New()

    def __call__(self, batch: Sequence[Event]) -> None:
        users = self._users.among({event.user_id for event in batch if event.user_id is not None})
        if users:
            customers.ensure(user_ids=users)
            self._users.add(users)
        items = self._items.among({line.item_id for event in batch for line in event.items})
        if items:
            catalogue.ensure(item_ids=items)
            self._items.add(items)
        events.record(events=batch)


def _save_items(batch: Sequence[Item]) -> None:
    catalogue.save(items=batch)


def _save_customers(batch: Sequence[Customer]) -> None:
    customers.save(customers=batch)


def store_for(kind: Kind) -> Store:
    """Return the function that stores a batch; of two rows with one id the later one counts."""
    if kind == "events":
        return _EventStore()
    return _save_items if kind == "items" else _save_customers
