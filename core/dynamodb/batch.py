"""Batch reads and writes that never lose a row.

DynamoDB may leave any part of a batch unprocessed. What it left is sent again, after a pause
that grows and is drawn at random ("full jitter", M. Brooker, "Exponential Backoff and Jitter",
AWS Architecture Blog, 2015), and what is left after the last try is reported, never dropped.
"""

import random
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import msgspec

from core.dynamodb.connection import call
from core.dynamodb.errors import BatchIncompleteError, is_transient
from core.dynamodb.tables import Table

WRITE_LIMIT = 25
READ_LIMIT = 100
_TRIES = 8
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 5.0
# Within the time of a request there must be room for the last try and its time-outs.
_patience: ContextVar[float] = ContextVar("dynamodb_patience", default=8.0)

_T = TypeVar("_T")

WireKey = dict[str, dict[str, str]]
_RowKey = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole row, replacing what has its key."""

    row: Table


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the row of a table with this key, if it is there."""

    table: type[Table]
    hash_key: str
    range_key: str | None = None


# A struct: some are made for each request, and each is looked up again and again.
class Get(msgspec.Struct, frozen=True):
    """Read the row of a table with this key."""

    table: type[Table]
    hash_key: str
    range_key: str | None = None

    @property
    def key(self) -> WireKey:
        return self.table.key(self.hash_key, self.range_key)


Write = Put | Delete


def _row_key(table: str, key: WireKey) -> _RowKey:
    return table, tuple(sorted((name, next(iter(value.values()))) for name, value in key.items()))


def _wire_write(write: Write) -> tuple[_RowKey, str, dict[str, Any]]:
    if isinstance(write, Put):
        table = write.row.Meta.table_name
        attributes = write.row.serialize()
        request = {"PutRequest": {"Item": attributes}}
        return _request_key(table, request), table, request
    table = write.table.Meta.table_name
    key = write.table.key(write.hash_key, write.range_key)
    return _row_key(table, key), table, {"DeleteRequest": {"Key": key}}


@contextmanager
def patient(seconds: float) -> Iterator[None]:
    """Go on trying for longer inside the block: nobody waits for an answer there."""
    token = _patience.set(seconds)
    try:
        yield
    finally:
        _patience.reset(token)


def attempts(tries: int, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """Yield the numbers of tries, after growing pauses, until the patience is at its end."""
    end = time.monotonic() + _patience.get()
    yield 0
    for attempt in range(1, tries):
        if time.monotonic() > end:
            return
        pause(attempt, sleep)
        yield attempt


def pause(attempt: int, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait before a further attempt: on average longer each time, and never all at once."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
    sleep(random.uniform(0, longest))  # noqa: S311  # jitter, not a secret


def chunks(rows: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Yield the rows in lists of at most ``size``, reading no further than needed."""
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        yield chunk


def write_batch(writes: Sequence[Write], *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Write rows, of one table or several; of two writes to one key the later one counts.

    Raises
    ------
    BatchIncompleteError
        With the writes that DynamoDB did not take, in input order. All others are durable.
    """
    pending: dict[_RowKey, tuple[Write, str, dict[str, Any]]] = {}
    for write in writes:
        row_key, table, request = _wire_write(write)
        pending.pop(row_key, None)
        pending[row_key] = (write, table, request)
    left: list[Write] = []
    for chunk in chunks(pending.items(), WRITE_LIMIT):
        left += _write_chunk(dict(chunk), sleep)
    if left:
        raise BatchIncompleteError(left)


def _write_chunk(
    pending: dict[_RowKey, tuple[Write, str, dict[str, Any]]], sleep: Callable[[float], None]
) -> list[Write]:
    for _ in attempts(_TRIES, sleep=sleep):
        requests: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for _, table, request in pending.values():
            requests[table].append(request)
        try:
            answer = call("BatchWriteItem", RequestItems=dict(requests))
        except Exception as error:
            if not is_transient(error):
                raise
            continue
        refused = {
            _request_key(table, request)
            for table, rows in answer.get("UnprocessedItems", {}).items()
            for request in rows
        }
        pending = {key: value for key, value in pending.items() if key in refused}
        if not pending:
            return []
    return [write for write, _, _ in pending.values()]


def _request_key(table: str, request: dict[str, Any]) -> _RowKey:
    if "DeleteRequest" in request:
        return _row_key(table, request["DeleteRequest"]["Key"])
    item = request["PutRequest"]["Item"]
    names = Table._registry[table].key_names()
    return _row_key(table, {name: item[name] for name in names})


def write_all(
    writes: Iterable[Write],
    *,
    threads: int = 4,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write any number of rows in parallel with bounded memory; return how many.

    ``progress`` is called with the number of rows of each finished part. A key must not occur
    twice, since parts finish in any order.

    Raises
    ------
    BatchIncompleteError
        With all writes that were not taken, after all others have been written.
    """
    total = 0
    left: list[object] = []
    running: deque[Future[tuple[int, list[object]]]] = deque()

    def run(chunk: list[Write]) -> tuple[int, list[object]]:
        try:
            write_batch(chunk)
        except BatchIncompleteError as error:
            return len(chunk) - len(error.remainder), error.remainder
        return len(chunk), []

    def finish() -> None:
        nonlocal total
        written, remainder = running.popleft().result()
        total += written
        left.extend(remainder)
        if progress is not None:
            progress(written)

    with ThreadPoolExecutor(max_workers=threads) as pool:
        for chunk in chunks(writes, WRITE_LIMIT):
            if len(running) == 2 * threads:
                finish()
            running.append(pool.submit(copy_context().run, run, chunk))
        while running:
            finish()
    if left:
        raise BatchIncompleteError(left)
    return total


def read_batch(
    gets: Sequence[Get],
    *,
    consistent: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Table | None]:
    """Read rows, of one table or several, in one round trip per 100 keys.

    Returns
    -------
    list
        One entry per key, in input order; None where there is no row.

    Raises
    ------
    BatchIncompleteError
        With the keys that DynamoDB would not answer for.
    """
    wanted: dict[_RowKey, Get] = {_row_key(get.table.Meta.table_name, get.key): get for get in gets}
    found: dict[_RowKey, Table] = {}
    left: list[Get] = []
    for chunk in chunks(wanted.items(), READ_LIMIT):
        left += _read_chunk(dict(chunk), found, consistent=consistent, sleep=sleep)
    if left:
        raise BatchIncompleteError(left)
    return [found.get(_row_key(get.table.Meta.table_name, get.key)) for get in gets]


def _read_chunk(
    pending: dict[_RowKey, Get],
    found: dict[_RowKey, Table],
    *,
    consistent: bool,
    sleep: Callable[[float], None],
) -> list[Get]:
    for _ in attempts(_TRIES, sleep=sleep):
        keys: dict[str, list[WireKey]] = defaultdict(list)
        for get in pending.values():
            keys[get.table.Meta.table_name].append(get.key)
        request = {
            table: {"Keys": rows, "ConsistentRead": consistent} for table, rows in keys.items()
        }
        try:
            answer = call("BatchGetItem", RequestItems=request)
        except Exception as error:
            if not is_transient(error):
                raise
            continue
        for table, rows in answer.get("Responses", {}).items():
            names = Table._registry[table].key_names()
            for row in rows:
                key = _row_key(table, {name: row[name] for name in names})
                found[key] = pending[key].table.from_raw_data(row)
        unanswered = {
            _row_key(table, key)
            for table, part in answer.get("UnprocessedKeys", {}).items()
            for key in part["Keys"]
        }
        pending = {key: get for key, get in pending.items() if key in unanswered}
        if not pending:
            return []
    return list(pending.values())
