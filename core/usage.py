"""What each endpoint, job and stream consumed on each day.

Sums are kept in the process and added to their rows when the last time is a minute ago, after an
answer was made, in one transaction with a token: sent again within ten minutes, as after a lost
answer, DynamoDB adds it once. So one request a minute of each process costs a round trip more, and
the others cost nothing. Of a process that is killed the last minute is lost, and no more.
"""

import atexit
import logging
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import Literal, cast

from django.conf import settings
from pynamodb.attributes import NumberAttribute
from pynamodb.transactions import TransactWrite

from core.dynamodb.connection import connection
from core.dynamodb.errors import is_transient
from core.dynamodb.meter import Meter, metered
from core.dynamodb.tables import OperationsRow
from core.dynamodb.transactions import LIMIT

__all__ = [
    "KEPT_DAYS",
    "OWN_NAME",
    "Kind",
    "Usage",
    "add",
    "find",
    "flush",
    "flush_if_due",
    "measured",
]

logger = logging.getLogger(__name__)

Kind = Literal["endpoint", "job", "stream"]
#: The longest period that is kept.
KEPT_DAYS = 400
#: What counting itself consumed; it is never called.
OWN_NAME = "counting of costs"


@dataclass(slots=True)
class Usage:
    """What something consumed.

    Attributes
    ----------
    calls
        Requests, runs of a job, or batches of a stream.
    read_units, write_units, round_trips
        Of DynamoDB, as `core.dynamodb.meter` counts them.
    seconds
        Of time.
    gb_seconds
        The same, times the memory of the Lambda function; 0 elsewhere.
    """

    calls: int = 0
    read_units: float = 0.0
    write_units: float = 0.0
    round_trips: int = 0
    seconds: float = 0.0
    gb_seconds: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in _NAMES})


_NAMES = Usage.__slots__
_Key = tuple[str, Kind, str]


class UsageRow(OperationsRow):
    """What one endpoint, job or stream consumed on one day, in the partition of its month."""

    calls = NumberAttribute(default=0)
    read_units = NumberAttribute(default=0)
    write_units = NumberAttribute(default=0)
    round_trips = NumberAttribute(default=0)
    seconds = NumberAttribute(default=0)
    gb_seconds = NumberAttribute(default=0)


class _Sums:
    """What this process has counted and not stored yet."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._storing = Lock()
        self._sums: dict[_Key, Usage] = {}
        # What storing costs itself; stored together with something else, or not at all.
        self._own = Usage()
        # What was sent and not confirmed, with its token; it goes again as it was.
        self._sent: tuple[str, dict[_Key, Usage]] | None = None
        self._stored_at: float | None = None

    def add(self, key: _Key, usage: Usage) -> None:
        with self._lock:
            known = self._sums.get(key)
            self._sums[key] = usage if known is None else known + usage

    def add_own(self, meter: Meter) -> None:
        with self._lock:
            self._own += Usage(write_units=meter.write_units, round_trips=meter.round_trips)

    @property
    def is_due(self) -> bool:
        waited = self._stored_at is None or (
            time.monotonic() - self._stored_at >= settings.USAGE_SECONDS
        )
        return waited and bool(self._sums or self._sent)

    def store(self) -> None:
        """Store what was counted; one thread at a time, the others go on."""
        if not self._storing.acquire(blocking=False):
            return
        try:
            # Also when it fails: what is wrong then must not hold up every answer.
            self._stored_at = time.monotonic()
            while self._sent or self._sums:
                if self._sent is None:
                    self._sent = secrets.token_hex(16), self._taken()
                _write(*self._sent)
                self._sent = None
        finally:
            self._storing.release()

    def _taken(self) -> dict[_Key, Usage]:
        with self._lock:
            taken = {key: self._sums.pop(key) for key in list(self._sums)[: LIMIT - 1]}
            if self._own.round_trips:
                own, self._own = self._own, Usage()
                taken[_today(), "job", OWN_NAME] = own
            return taken


_sums = _Sums()


def add(kind: Kind, name: str, *, meter: Meter, seconds: float) -> None:
    """Count one call of an endpoint, job or stream, as of today in UTC."""
    if not settings.USAGE_SECONDS:
        return
    usage = Usage(
        calls=1,
        read_units=meter.read_units,
        write_units=meter.write_units,
        round_trips=meter.round_trips,
        seconds=seconds,
        gb_seconds=seconds * settings.FUNCTION_GB,
    )
    _sums.add((_today(), kind, name), usage)


@contextmanager
def measured(kind: Kind, name: str) -> Iterator[Meter]:
    """Count what the block consumes, and store it: after a job at once, or else when it is due."""
    started = time.perf_counter()
    try:
        with metered() as meter:
            yield meter
    finally:
        add(kind, name, meter=meter, seconds=time.perf_counter() - started)
        if kind == "job":
            flush()
        else:
            flush_if_due()


def flush_if_due() -> None:
    """Store what was counted, unless that was done within the last minute."""
    if _sums.is_due:
        flush()


def flush() -> None:
    """Store what was counted; what goes wrong there is only logged, and goes again next time."""
    with metered() as meter:
        try:
            _sums.store()
        except Exception as error:
            logger.warning(
                "what was consumed will be stored next time", exc_info=not is_transient(error)
            )
    _sums.add_own(meter)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def find(*, since: date, until: date) -> Mapping[date, Mapping[tuple[Kind, str], Usage]]:
    """Return what was consumed on each day, both ends included, in one round trip per month."""
    found: dict[date, dict[tuple[Kind, str], Usage]] = {}
    day = since
    while day <= until:
        month = f"{day:%Y-%m}"
        last = min(until, (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(1))
        for row in UsageRow.query(_pk(month), UsageRow.sk.between(f"{day:%d}#", f"{last:%d}#~")):
            number, kind, name = row.sk.split("#", 2)
            usage = Usage(**{each: getattr(row, each) for each in _NAMES})
            key = cast("Kind", kind), name
            found.setdefault(day.replace(day=int(number)), {})[key] = usage
        day = last + timedelta(days=1)
    return found


def _pk(month: str) -> str:
    return f"usage#{month}"


def _write(token: str, sums: Mapping[_Key, Usage]) -> None:
    with TransactWrite(connection=connection(), client_request_token=token) as transaction:
        for (day, kind, name), usage in sums.items():
            row = UsageRow(_pk(day[:7]), f"{day[8:]}#{kind}#{name}")
            additions = [
                getattr(UsageRow, each).add(round(amount, 6))
                for each in _NAMES
                if (amount := getattr(usage, each))
            ]
            expires_at = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(KEPT_DAYS)
            transaction.update(row, actions=[*additions, UsageRow.expires_at.set(expires_at)])


atexit.register(flush)
