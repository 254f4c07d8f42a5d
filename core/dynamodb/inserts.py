"""Insert rows that are not there yet, and never overwrite those that are."""

from collections.abc import Sequence
from typing import TypeVar, cast

from pynamodb.expressions.condition import Condition

from core.dynamodb.batch import chunks
from core.dynamodb.errors import BatchIncompleteError
from core.dynamodb.tables import Table
from core.dynamodb.transactions import LIMIT, ConditionFailedError, Save, transact

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
    for part in chunks(rows, LIMIT):
        inserted += _insert_part(part)
    return inserted


def _insert_part(rows: list[_Row]) -> list[_Row]:
    for _ in range(_TRIES):
        if not rows:
            return []
        try:
            transact([Save(row, condition=_is_free(row)) for row in rows])
        except ConditionFailedError as error:
            taken = set(error.positions)
            rows = [row for position, row in enumerate(rows) if position not in taken]
        else:
            return rows
    raise BatchIncompleteError(rows)


def _is_free(row: Table) -> Condition:
    return cast("Condition", getattr(type(row), str(row._hash_keyname)).does_not_exist())
