"""What training reads: all events and all products, without the cost of whole entities.

Only jobs scan. A row that cannot be read is left out and counted; it never stops a job.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from core.dynamodb.connection import call
from core.validation import Id, from_iso
from recommendations.engine.text import ItemText
from recommendations.models import EventRow, ItemRow

_Row = Mapping[str, Mapping[str, Any]]

_ACTOR, _MOMENT, _TYPE, _LINES = (
    attribute.attr_name
    for attribute in (EventRow.actor, EventRow.moment, EventRow.type, EventRow.lines)
)
_ITEM_ID, _NAME, _CATEGORIES, _LABELS, _DELETED = (
    attribute.attr_name
    for attribute in (
        ItemRow.item_id,
        ItemRow.name,
        ItemRow.categories,
        ItemRow.labels,
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


def signals(*, on_unreadable: Callable[[], None] = lambda: None) -> Iterator[Signal]:
    """Yield all events in no particular order; memory stays bounded."""
    for row in _scan(EventRow, (_ACTOR, _MOMENT, _TYPE, _LINES)):
        try:
            signal = _signal(row)
        except _UNREADABLE:
            on_unreadable()
        else:
            yield signal


def products(*, on_unreadable: Callable[[], None] = lambda: None) -> Iterator[ItemText]:
    """Yield what all products are called, but for deleted ones, in no particular order."""
    for row in _scan(ItemRow, (_ITEM_ID, _NAME, _CATEGORIES, _LABELS, _DELETED)):
        try:
            text = _text(row)
        except _UNREADABLE:
            on_unreadable()
        else:
            if text is not None:
                yield text


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


def _text(row: _Row) -> ItemText | None:
    if row.get(_DELETED, {}).get("BOOL"):
        return None
    categories, labels = (
        msgspec.json.decode(row[name]["S"], type=tuple[str, ...]) if name in row else ()
        for name in (_CATEGORIES, _LABELS)
    )
    return ItemText(row[_ITEM_ID]["S"], row[_NAME]["S"], categories, labels)


def _scan(table: type[EventRow | ItemRow], attributes: tuple[str, ...]) -> Iterator[_Row]:
    names = {f"#{number}": name for number, name in enumerate(attributes)}
    start: dict[str, Any] = {}
    while True:
        page = call(
            "Scan",
            TableName=table.Meta.table_name,
            ProjectionExpression=", ".join(names),
            ExpressionAttributeNames=names,
            **start,
        )
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
