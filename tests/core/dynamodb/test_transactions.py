"""A transaction does all or nothing, waits out what passes, and says which condition failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pynamodb.attributes import NumberAttribute
from pynamodb.exceptions import TransactWriteError

from core.dynamodb.connection import connection
from core.dynamodb.errors import BatchIncompleteError
from core.dynamodb.tables import OperationsRow
from core.dynamodb.transactions import ConditionFailedError, Remove, Save, Update, transact

pytestmark = pytest.mark.usefixtures("dynamodb")


class Tally(OperationsRow):
    count = NumberAttribute(null=True)


def add(name: str, number: int = 1) -> Update:
    return Update(Tally("tally", name), [Tally.count.add(number)])


def stored() -> dict[str, int]:
    return {row.sk: int(row.count) for row in Tally.query("tally")}


@contextmanager
def failing(*codes: str) -> Iterator[list[str]]:
    """Let the first calls fail, each with one of these reasons; yield those left."""
    left = list(codes)

    def refuse(**_: Any) -> None:
        if left:
            reason = {"Code": left.pop(0), "Message": "injected"}
            raise ClientError(
                {
                    "Error": {"Code": "TransactionCanceledException", "Message": "injected"},
                    "CancellationReasons": [reason],
                },
                "TransactWriteItems",
            )

    events = connection().client.meta.events
    events.register("before-call.dynamodb.TransactWriteItems", refuse)
    try:
        yield left
    finally:
        events.unregister("before-call.dynamodb.TransactWriteItems", refuse)


def test_all_writes_happen_or_none() -> None:
    transact([add("a"), add("b", 2), Save(Tally("tally", "c", count=3))])

    with pytest.raises(ConditionFailedError) as caught:
        transact([add("a"), Remove(Tally("tally", "b"), Tally.count == 9), add("c")])

    assert caught.value.positions == (1,)
    assert stored() == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError"])
def test_what_passes_is_waited_out(reason: str) -> None:
    pauses: list[float] = []
    with failing(reason, reason):
        transact([add("a")], sleep=pauses.append)

    assert stored() == {"a": 1}
    assert len(pauses) == 2


def test_what_does_not_pass_is_reported_with_all_writes() -> None:
    writes = [add("a"), add("b")]
    with failing(*["TransactionConflict"] * 99), pytest.raises(BatchIncompleteError) as caught:
        transact(writes, sleep=lambda _: None)

    assert caught.value.remainder == writes
    assert stored() == {}


def test_what_will_never_work_is_not_tried_again() -> None:
    with failing("ValidationError", "ValidationError") as left, pytest.raises(TransactWriteError):
        transact([add("a")], sleep=lambda _: None)

    assert len(left) == 1


def test_more_than_dynamodb_takes_is_refused() -> None:
    with pytest.raises(ValueError, match="100"):
        transact([add(f"{number}") for number in range(101)])
