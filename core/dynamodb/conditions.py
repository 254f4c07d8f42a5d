"""Write on a condition, and tell whether it held.

A write whose answer was lost is sent again by botocore, and then meets what it wrote itself. Such
a second try does not count as lost: what is stored says whether the first one was applied.
"""

from collections.abc import Callable

from pynamodb.expressions.condition import Condition

from core.dynamodb.errors import is_condition_failure, was_retried
from core.dynamodb.tables import Table


def held(write: Callable[[], object], *, applied: Callable[[], bool] = lambda: False) -> bool:
    """Run a conditional write; return False when its condition did not hold.

    Parameters
    ----------
    applied
        Tells from what is stored whether the write has been done; asked only where the condition
        failed at a repeated try.
    """
    try:
        write()
    except Exception as error:
        if is_condition_failure(error):
            return was_retried(error) and applied()
        raise
    return True


def save_if(row: Table, condition: Condition) -> bool:
    """Write a whole row; return False when the condition did not hold."""

    def is_stored() -> bool:
        stored = _reload(row)
        return stored is not None and stored.serialize() == row.serialize()

    return held(lambda: row.save(condition=condition), applied=is_stored)


def delete_if(row: Table, condition: Condition) -> bool:
    """Delete a row; return False when the condition did not hold."""
    return held(lambda: row.delete(condition=condition), applied=lambda: _reload(row) is None)


def _reload(row: Table) -> Table | None:
    keys = [getattr(row, name) for name in (row._hash_keyname, row._range_keyname) if name]
    return type(row).load(*keys, consistent=True)
