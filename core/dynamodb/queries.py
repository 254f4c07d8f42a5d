"""Queries with a filter, in a bounded number of round trips."""

from collections.abc import Callable
from typing import Any, TypeVar

from pynamodb.pagination import ResultIterator

_Row = TypeVar("_Row")

# A row's keys in DynamoDB's wire form: where a query stopped looking.
WireKey = dict[str, dict[str, Any]]


def read_on(
    query: Callable[[WireKey | None], ResultIterator[_Row]], *, wanted: int, reads: int
) -> tuple[list[_Row], WireKey | None]:
    """Return rows that pass a query's filter, and where it stopped looking: None at the end.

    A filter passes over any number of rows, so a query with one goes on for as long as it finds
    too few. This one ends after so many reads.

    Parameters
    ----------
    query
        Returns the query's results from a key on; its ``page_size`` bounds what one read looks at.
    """
    rows: list[_Row] = []
    stopped: WireKey | None = None
    for _ in range(reads):
        results = query(stopped)
        page = next(results.page_iter)
        rows += map(results._map_fn or _as_it_is, page["Items"])
        stopped = page.get("LastEvaluatedKey")
        if stopped is None or len(rows) >= wanted:
            break
    return rows, stopped


def _as_it_is(row: Any) -> Any:
    return row
