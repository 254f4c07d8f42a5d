"""Counts what a request or job consumed: read units, write units and round trips."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

_READS = frozenset({"BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"})
_METERED = _READS | {
    "BatchWriteItem",
    "DeleteItem",
    "PutItem",
    "TransactWriteItems",
    "UpdateItem",
}


@dataclass(slots=True)
class Meter:
    """Consumption so far. Safe to share between threads.

    Attributes
    ----------
    read_units, write_units
        Consumed capacity units, as DynamoDB reports them.
    round_trips
        HTTP requests sent to DynamoDB, retries included.
    """

    read_units: float = 0.0
    write_units: float = 0.0
    round_trips: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def add_round_trip(self) -> None:
        with self._lock:
            self.round_trips += 1

    def add_units(self, *, operation: str, units: float) -> None:
        with self._lock:
            if operation in _READS:
                self.read_units += units
            else:
                self.write_units += units

    def as_dict(self) -> dict[str, float]:
        """Return plain values for JSON."""
        return {
            "read_units": self.read_units,
            "write_units": self.write_units,
            "round_trips": self.round_trips,
        }


_active: ContextVar[tuple[Meter, ...]] = ContextVar("dynamodb_meters", default=())


@contextmanager
def metered() -> Iterator[Meter]:
    """Count everything done inside the block, and in threads given a copy of its context.

    Blocks nest: an outer meter counts what an inner one counts.
    """
    meter = Meter()
    token = _active.set((*_active.get(), meter))
    try:
        yield meter
    finally:
        _active.reset(token)


def ask_for_consumption(params: dict[str, Any], model: Any, **_: object) -> None:
    """Ask DynamoDB to report capacity (botocore event ``before-parameter-build``)."""
    if model.name in _METERED:
        params.setdefault("ReturnConsumedCapacity", "TOTAL")


def count_round_trip(**_: object) -> None:
    """Count one HTTP attempt (botocore event ``before-send``)."""
    for meter in _active.get():
        meter.add_round_trip()


def count_units(parsed: Mapping[str, Any], model: Any, **_: object) -> None:
    """Add the capacity that an answer reports (botocore event ``after-call``)."""
    meters = _active.get()
    consumed = parsed.get("ConsumedCapacity")
    if not meters or not consumed:
        return
    reports = consumed if isinstance(consumed, list) else [consumed]
    units = sum(float(report.get("CapacityUnits", 0)) for report in reports)
    for meter in meters:
        meter.add_units(operation=model.name, units=units)
