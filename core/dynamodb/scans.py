"""Whole tables, read by several scans at a time: for jobs only."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from core.dynamodb.batch import attempts
from core.dynamodb.connection import call
from core.dynamodb.errors import is_transient
from core.dynamodb.tables import Table

_SEGMENTS = 4
_TRIES = 8


def scan(
    table: type[Table], attributes: Sequence[str], *, segments: int = _SEGMENTS
) -> Iterator[dict[str, Any]]:
    """Yield some attributes of all rows, in DynamoDB's wire form.

    No particular order, but the same one for the same rows: pages are taken from the segments in
    turn. Memory holds two pages of at most 1 MB per segment.
    """
    names = {f"#{number}": name for number, name in enumerate(attributes)}
    request = {
        "TableName": table.Meta.table_name,
        "ProjectionExpression": ", ".join(names),
        "ExpressionAttributeNames": names,
        "TotalSegments": segments,
    }
    with ThreadPoolExecutor(max_workers=segments) as pool:

        def ask(segment: int, start: dict[str, Any]) -> Future[dict[str, Any]]:
            return pool.submit(copy_context().run, _page, {**request, "Segment": segment, **start})

        pages = {segment: ask(segment, {}) for segment in range(segments)}
        while pages:
            for segment, future in list(pages.items()):
                page = future.result()
                if "LastEvaluatedKey" in page:
                    pages[segment] = ask(segment, {"ExclusiveStartKey": page["LastEvaluatedKey"]})
                else:
                    del pages[segment]
                yield from page["Items"]


def _page(request: dict[str, Any]) -> dict[str, Any]:
    """Read one page, with growing pauses while DynamoDB refuses."""
    refusal: Exception | None = None
    for _ in attempts(_TRIES):
        try:
            return call("Scan", **request)
        except Exception as error:
            if not is_transient(error):
                raise
            refusal = error
    assert refusal is not None  # noqa: S101  # there is always a first try
    raise refusal
