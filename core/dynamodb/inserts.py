"""Insert rows that are not there yet, and never overwrite those that are."""

from collections.abc import Sequence
from typing import TypeVar

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from core.dynamodb.batch import chunks
from core.dynamodb.connection import connection
from core.dynamodb.errors import BatchIncompleteError, is_condition_failure
from core.dynamodb.tables import Table

_TRANSACTION_LIMIT = 100
_TRIES = 5

_Row = TypeVar("_Row", bound=Table)


def insert_new(rows: Sequence[_Row]) -> list[_Row]:
    """Insert the rows whose keys are free; return those that were inserted.

    Raises
    ------
    BatchIncompleteError
        With the rows of a part in which others kept inserting at the same time.
    """
    inserted: list[_Row] = []
    for part in chunks(rows, _TRANSACTION_LIMIT):
        inserted += _insert_part(part)
    return inserted


def _insert_part(rows: list[_Row]) -> list[_Row]:
    for _ in range(_TRIES):
        if not rows:
            return []
        try:
            with TransactWrite(connection=connection()) as transaction:
                for row in rows:
                    free = getattr(type(row), str(row._hash_keyname)).does_not_exist()
                    transaction.save(row, condition=free)
        except TransactWriteError as error:
            if not is_condition_failure(error):
                raise
            rows = [
                row
                for row, reason in zip(rows, error.cancellation_reasons, strict=True)
                if reason is None or reason.code != "ConditionalCheckFailed"
            ]
        else:
            return rows
    raise BatchIncompleteError(rows)
