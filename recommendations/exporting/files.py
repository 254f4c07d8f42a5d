"""Rows as the bytes of a file: JSON Lines to be read again, CSV for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from core.spreadsheets import harmless
from recommendations.exporting.rows import Kind, Row

Format = Literal["jsonl", "csv"]

CONTENT_TYPES: Mapping[Format, str] = {
    "jsonl": "application/jsonl",
    "csv": "text/csv; charset=utf-8",
}
# The columns of each kind; a row has one line for each entry of the list named beside them.
_COLUMNS: Mapping[Kind, tuple[tuple[str, ...], str | None]] = {
    "events": (
        (
            "event_id", "user_id", "session_id", "type", "timestamp", "order_id",
            "recommendation_id", "item_id", "quantity", "price",
        ),
        "items",
    ),
    "items": (
        (
            "item_id", "name", "categories", "price", "currency", "available", "image_url", "url",
            "labels", "published_at", "attributes",
        ),
        None,
    ),
    "users": (("user_id", "email", "name", "labels", "attributes"), None),
    "recommendations": (
        ("user_id", "model_version", "rank", "item_id", "score", "source"),
        "results",
    ),
}  # fmt: skip
_LIST_SEPARATOR = "|"


def file_name(kind: Kind, form: Format) -> str:
    return f"{kind}.{form}"


def encode(rows: Iterable[Row], *, kind: Kind, form: Format) -> Iterator[bytes]:
    """Yield the bytes of a file, row by row."""
    return _csv(rows, kind) if form == "csv" else _json_lines(rows)


def _json_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    for row in rows:
        yield encoder.encode(row) + b"\n"


def _csv(rows: Iterable[Row], kind: Kind) -> Iterator[bytes]:
    columns, entries = _COLUMNS[kind]
    line = io.StringIO()
    writer = csv.writer(line)
    # The mark tells spreadsheets that the text is UTF-8.
    line.write("\N{BYTE ORDER MARK}")
    writer.writerow(columns)
    for row in rows:
        for cells in _lines(row, entries):
            writer.writerow([_cell(cells.get(column)) for column in columns])
        yield line.getvalue().encode()
        line.seek(0)
        line.truncate()
    yield line.getvalue().encode()


def _lines(row: Row, entries: str | None) -> Iterator[Row]:
    if entries is None:
        yield row
        return
    for rank, entry in enumerate(row[entries], start=1):
        yield {**row, **entry, "rank": rank}


def _cell(value: Any) -> Any:
    match value:
        case str():
            return harmless(value)
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return harmless(_LIST_SEPARATOR.join(value))
        case dict():
            return msgspec.json.encode(value).decode()
        case _:
            return value
