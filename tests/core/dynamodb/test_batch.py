"""Batches lose no row and keep the order of the input."""

import pytest
from pynamodb.attributes import UnicodeAttribute

from core.dynamodb.batch import (
    Delete,
    Get,
    Put,
    attempts,
    patient,
    read_batch,
    write_all,
    write_batch,
)
from core.dynamodb.connection import connection
from core.dynamodb.errors import BatchIncompleteError
from core.dynamodb.meter import metered
from core.dynamodb.tables import OperationsRow

pytestmark = pytest.mark.usefixtures("dynamodb")


class Note(OperationsRow):
    text = UnicodeAttribute(null=True)


def note(number: int, text: str = "") -> Note:
    return Note("note", f"{number:05}", text=text or str(number))


def get(number: int) -> Get:
    return Get(Note, "note", f"{number:05}")


def test_rows_are_read_in_the_order_of_the_keys_with_none_for_missing_ones() -> None:
    write_batch([Put(note(number)) for number in range(130)])

    rows = read_batch([get(number) for number in [120, 999, 3, 3, 0]])

    assert [row and row.text for row in rows] == ["120", None, "3", "3", "0"]


def test_of_two_writes_to_one_key_the_later_one_counts() -> None:
    write_batch([Put(note(1, "first")), Put(note(1, "second")), Put(note(2))])
    write_batch([Put(note(2, "again")), Delete(Note, "note", "00002")])

    first, second = read_batch([get(1), get(2)])

    assert first.text == "second"
    assert second is None


def test_what_dynamodb_leaves_unprocessed_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    send = connection().dispatch
    calls: list[int] = []

    def leave_half(operation: str, params: dict) -> dict:
        if operation != "BatchWriteItem":
            return send(operation, params)
        ((table, requests),) = params["RequestItems"].items()
        calls.append(len(requests))
        half = len(requests) // 2 if len(requests) > 1 else len(requests)
        answer = send(operation, {"RequestItems": {table: requests[:half]}})
        return {**answer, "UnprocessedItems": {table: requests[half:]} if requests[half:] else {}}

    with monkeypatch.context() as patch:
        patch.setattr(connection(), "dispatch", leave_half)
        write_batch([Put(note(number)) for number in range(20)], sleep=lambda _: None)

    assert calls == [20, 10, 5, 3, 2, 1]
    assert all(read_batch([get(number) for number in range(20)]))


def test_what_stays_unprocessed_is_reported_in_input_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send = connection().dispatch

    def refuse_odd(operation: str, params: dict) -> dict:
        if operation != "BatchWriteItem":
            return send(operation, params)
        ((table, requests),) = params["RequestItems"].items()
        odd = [r for r in requests if int(r["PutRequest"]["Item"]["sk"]["S"]) % 2]
        even = [r for r in requests if r not in odd]
        answer = send(operation, {"RequestItems": {table: even}}) if even else {}
        return {**answer, "UnprocessedItems": {table: odd[::-1]} if odd else {}}

    rows = [note(number) for number in range(6)]
    with monkeypatch.context() as patch:
        patch.setattr(connection(), "dispatch", refuse_odd)
        with pytest.raises(BatchIncompleteError) as failure:
            write_batch([Put(row) for row in rows], sleep=lambda _: None)

    assert [put.row for put in failure.value.remainder] == rows[1::2]
    assert [bool(row) for row in read_batch([get(number) for number in range(6)])] == [
        True, False, True, False, True, False,
    ]  # fmt: skip


def test_parallel_writes_count_every_row_and_every_round_trip() -> None:
    seen: list[int] = []
    with metered() as meter:
        written = write_all((Put(note(number)) for number in range(260)), progress=seen.append)

    assert written == sum(seen) == 260
    assert meter.round_trips == 11
    assert meter.write_units >= 260
    with metered() as meter:
        assert all(read_batch([get(number) for number in range(100)]))
        assert Note.load("note", "00003") is not None
    assert meter.round_trips == 2
    assert meter.read_units >= 0.5


def test_nobody_who_waits_for_an_answer_waits_for_all_tries() -> None:
    pauses: list[float] = []
    with patient(1000):
        assert list(attempts(4, sleep=pauses.append)) == [0, 1, 2, 3]
    assert len(pauses) == 3
    with patient(-1):
        assert list(attempts(4, sleep=pauses.append)) == [0]
