"""Transactions: all of up to 100 writes, or none of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from core.dynamodb.batch import attempts
from core.dynamodb.connection import connection
from core.dynamodb.errors import BatchIncompleteError, is_condition_failure, is_transient
from core.dynamodb.tables import Table

LIMIT = 100
_TRIES = 5


class ConditionFailedError(Exception):
    """A transaction did nothing, because some of its conditions do not hold.

    Attributes
    ----------
    positions
        Of the writes whose conditions those are.
    """

    def __init__(self, positions: Sequence[int]) -> None:
        super().__init__(f"the conditions of {len(positions)} writes do not hold; read again")
        self.positions = tuple(positions)


@dataclass(frozen=True, slots=True)
class Save:
    """Write a whole row."""

    row: Table
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Change attributes of the row that has this row's key, or make one of them."""

    row: Table
    actions: Sequence[Action]
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove the row that has this row's key."""

    row: Table
    condition: Condition | None = None


def transact(
    writes: Sequence[Save | Update | Remove], *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Do all writes at once. Throttling and conflicts with other transactions are waited out.

    After a lost answer the same writes are sent again, so their conditions must tell whether they
    have been done: `ConditionFailedError` then means to read what is stored.

    Raises
    ------
    ConditionFailedError
        When a condition does not hold. Nothing was written, unless an answer was lost before.
    BatchIncompleteError
        With all writes, when DynamoDB refused them past the last retry.
    ValueError
        When there are more than 100 of them.
    """
    if len(writes) > LIMIT:
        message = f"a transaction takes {LIMIT} writes, not {len(writes)}; split it"
        raise ValueError(message)
    for _ in attempts(_TRIES, sleep=sleep):
        try:
            with TransactWrite(connection=connection()) as transaction:
                for write in writes:
                    _add(transaction, write)
        except Exception as error:
            if isinstance(error, TransactWriteError) and is_condition_failure(error):
                raise ConditionFailedError(_failed(error, writes)) from error
            if not is_transient(error):
                raise
        else:
            return
    raise BatchIncompleteError(writes)


def _add(transaction: TransactWrite, write: Save | Update | Remove) -> None:
    match write:
        case Save():
            transaction.save(write.row, condition=write.condition)
        case Update():
            transaction.update(write.row, actions=list(write.actions), condition=write.condition)
        case Remove():
            transaction.delete(write.row, condition=write.condition)


def _failed(error: TransactWriteError, writes: Sequence[Save | Update | Remove]) -> list[int]:
    # PynamoDB sends, and so DynamoDB answers, kind by kind.
    sent = [
        position
        for kind in (Remove, Save, Update)
        for position, write in enumerate(writes)
        if isinstance(write, kind)
    ]
    return sorted(
        position
        for position, reason in zip(sent, error.cancellation_reasons, strict=True)
        if reason is not None and reason.code == "ConditionalCheckFailed"
    )
