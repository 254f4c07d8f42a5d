"""What training reads: all events and all products, without the cost of whole entities.

Only jobs scan. A row that cannot be read is left out and counted; it never stops a job.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from core.dynamodb.connection import connection
from core.dynamodb.scans import scan
from core.validation import Id, from_iso
from recommendations.engine.text import ItemText
from recommendations.models import EventRow, ItemRow

_Row = Mapping[str, Mapping[str, Any]]

_ACTOR, _MOMENT, _TYPE, _LINES = (
    attribute.attr_name
    for attribute in (EventRow.actor, EventRow.moment, EventRow.type, EventRow.lines)
)
_ITEM_ID, _NAME, _CATEGORIES, _LABELS, _AVAILABLE, _DELETED = (
    attribute.attr_name
    for attribute in (
        ItemRow.item_id,
        ItemRow.name,
        ItemRow.categories,
        ItemRow.labels,
        ItemRow.available,
        ItemRow.deleted,
    )
)
_UNREADABLE = (ValueError, KeyError, TypeError, IndexError, OverflowError)


class Signal(NamedTuple):
    """What training learns from one event; ``time`` in epoch seconds."""

    actor: str
    event_id: str
    type: str
    time: float
    item_ids: list[str]


class Product(NamedTuple):
    """What training learns from one product of the catalogue."""

    text: ItemText
    available: bool
    deleted: bool


def signals(*, on_unreadable: Callable[[], None] = lambda: None) -> Iterator[Signal]:
    """Yield all events in no particular order; memory stays bounded."""
    for row in scan(EventRow, (_ACTOR, _MOMENT, _TYPE, _LINES)):
        try:
            signal = _signal(row)
        except _UNREADABLE:
            on_unreadable()
        else:
            yield signal


def products(*, on_unreadable: Callable[[], None] = lambda: None) -> Iterator[Product]:
    """Yield all products, deleted ones too, in no particular order."""
    names = (_ITEM_ID, _NAME, _CATEGORIES, _LABELS, _AVAILABLE, _DELETED)
    for row in scan(ItemRow, names):
        try:
            product = _product(row)
        except _UNREADABLE:
            on_unreadable()
        else:
            yield product


def stored_events() -> int:
    """Return about how many events are stored; DynamoDB counts them every six hours."""
    name = EventRow.Meta.table_name
    return int(connection().client.describe_table(TableName=name)["Table"]["ItemCount"])


def _signal(row: _Row) -> Signal:
    timestamp, _, event_id = row[_MOMENT]["S"].partition("#")
    lines = msgspec.json.decode(row[_LINES]["S"])
    return Signal(
        actor=row[_ACTOR]["S"],
        event_id=event_id,
        type=row[_TYPE]["S"],
        time=from_iso(timestamp).timestamp(),
        item_ids=msgspec.convert([line[0] for line in lines], list[Id]),
    )


def _product(row: _Row) -> Product:
    categories, labels = (
        msgspec.json.decode(row[name]["S"], type=tuple[str, ...]) if name in row else ()
        for name in (_CATEGORIES, _LABELS)
    )
    return Product(
        text=ItemText(row[_ITEM_ID]["S"], row[_NAME]["S"], categories, labels),
        available=row[_AVAILABLE]["BOOL"],
        deleted=row.get(_DELETED, {}).get("BOOL", False),
    )
