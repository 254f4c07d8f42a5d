"""Read units of `BatchGetItem`, which MiniStack does not report, by DynamoDB's rules.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

UNIT_BYTES = 4096


class Units:
    """Read units so far."""

    def __init__(self) -> None:
        self.read = 0.0
        self._asked: dict[str, tuple[int, bool]] = {}

    def ask(self, params: dict[str, Any], **_: Any) -> None:
        self._asked = {
            table: (len(wanted["Keys"]), wanted.get("ConsistentRead", False))
            for table, wanted in params["RequestItems"].items()
        }

    def answer(self, parsed: dict[str, Any], **_: Any) -> None:
        for table, rows in parsed.get("Responses", {}).items():
            count, consistent = self._asked[table]
            whole = sum(math.ceil(size_of(row) / UNIT_BYTES) for row in rows)
            # A row that is not there costs as much as the smallest.
            self.read += (whole + count - len(rows)) * (1.0 if consistent else 0.5)


@contextmanager
def batch_units() -> Iterator[Units]:
    """Count the units of all batches inside the block."""
    from core.dynamodb.connection import connection

    units, events = Units(), connection().client.meta.events
    events.register("before-parameter-build.dynamodb.BatchGetItem", units.ask)
    events.register("after-call.dynamodb.BatchGetItem", units.answer)
    try:
        yield units
    finally:
        events.unregister("before-parameter-build.dynamodb.BatchGetItem", units.ask)
        events.unregister("after-call.dynamodb.BatchGetItem", units.answer)


def size_of(row: dict[str, Any]) -> int:
    """Return the size of a row in bytes, as DynamoDB counts it."""
    return sum(len(name.encode()) + _value(value) for name, value in row.items())


def _value(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(content) // 2 + 2
    if kind == "B":
        return len(content)
    if kind == "M":
        return 3 + sum(len(name.encode()) + _value(each) + 1 for name, each in content.items())
    if kind == "L":
        return 3 + sum(_value(each) + 1 for each in content)
    if kind in {"SS", "NS", "BS"}:
        return sum(len(each) for each in content)
    return 1
