"""The beginning of a file: what it seems to hold, and in which columns."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from recommendations.entities import EVENT_TYPES
from recommendations.importing.columns import ALIASES, REQUIRED, Kind, guess, plain_name
from recommendations.importing.gorse import TYPES
from recommendations.importing.parameters import PROBLEM
from recommendations.importing.records import CsvReader, Record, read_json_lines
from recommendations.importing.rejects import Reject
from recommendations.importing.runner import System
from recommendations.importing.sources import Format, Source, SourceError

_SHOWN_ROWS = 5
_READ_ROWS = 500
_LONGEST_VALUE = 60
_MOST_TYPES = 20
_GORSE = frozenset({"UserId", "ItemId", "FeedbackType"})
_RECOMBEE = frozenset({"userId", "itemId"})
# An event's lines are in a list of their own there.
_LINE_FIELDS = ("item_id", "quantity", "price")
_JSON_ONLY: dict[Kind, tuple[str, ...]] = {
    "events": ("items",),
    "items": ("attributes",),
    "users": ("attributes",),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """The beginning of a file.

    Attributes
    ----------
    columns
        Of a CSV file the header, of JSON Lines the keys.
    rows
        The first rows: the value of each column as text, cut where it is long.
    system, kind
        Whose file it seems to be, and of what.
    values
        All that was read, by column; for `types`.
    """

    format: Format
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    system: System | None
    kind: Kind
    values: tuple[tuple[Any, ...], ...]

    def fields(self, kind: Kind) -> list[str]:
        """Return the fields that a column of this file may hold."""
        if self.format == "csv":
            return list(ALIASES[kind])
        hidden = _LINE_FIELDS if kind == "events" else ()
        return [*(name for name in ALIASES[kind] if name not in hidden), *_JSON_ONLY[kind]]

    def guess(self, kind: Kind) -> dict[str, str]:
        """Return the field that each column seems to hold."""
        known = self.fields(kind)
        found = guess(self.columns, kind=kind, ignored=(PROBLEM,))
        own = [name if name in _JSON_ONLY[kind] else None for name in self.columns]
        return {
            column: field
            for column, guessed, same in zip(self.columns, found, own, strict=True)
            if (field := guessed or same) is not None and (field in known or self.format == "csv")
        }

    def types(self, column: str) -> dict[str, str]:
        """Return names in a column that are no types of events here, and what each seems to be."""
        position = self.columns.index(column)
        names = {str(row[position]) for row in self.values if row[position] not in (None, "")}
        unknown = sorted(name for name in names if name not in EVENT_TYPES)[:_MOST_TYPES]
        return {name: TYPES.get(plain_name(name), "") for name in unknown}


def take(source: Source) -> Sample:
    """Read the beginning of a file.

    Raises
    ------
    SourceError
        When it cannot be read, or has no rows.
    """
    with source:
        form = source.format()
        found = _csv(source) if form == "csv" else _json(source)
        columns, values = found
    if not values:
        message = f"{source.name} has no rows that can be read; is it a CSV or JSON Lines file?"
        raise SourceError(message)
    shown = tuple(tuple(_text(value) for value in row) for row in values[:_SHOWN_ROWS])
    return Sample(
        format=form,
        columns=columns,
        rows=shown,
        system=_system(columns),
        kind=_kind(columns),
        values=values,
    )


_Found = tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]


def _csv(source: Source) -> _Found:
    reader = CsvReader(source.lines())
    if reader.header_problem or not reader.header:
        problem = reader.header_problem or "it is empty; begin with a line of column names"
        message = f"{source.name}, first line: {problem}"
        raise SourceError(message)
    names = tuple(reader.header)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        message = f"{source.name} has two columns called {twice!r}; rename one of them"
        raise SourceError(message)
    rows = _first(reader.rows(names))
    return names, tuple(tuple(row.get(name, "") for name in names) for row in rows)


def _json(source: Source) -> _Found:
    rows = _first(read_json_lines(source.lines()))
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    return names, tuple(tuple(row.get(name) for name in names) for row in rows)


def _first(records: Iterator[Record | Reject]) -> list[dict[str, Any]]:
    looked_at = itertools.islice(records, _READ_ROWS)
    return [record.fields for record in looked_at if isinstance(record, Record)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _system(columns: Sequence[str]) -> System | None:
    if _GORSE & set(columns):
        return "gorse"
    return "recombee" if _RECOMBEE & set(columns) else None


def _kind(columns: Sequence[str]) -> Kind:
    """Return the kind of which most is there; events first, which alone name who and what."""
    plain = {plain_name(name) for name in columns}
    fields = set(guess(columns, kind="events"))
    names_both = "item_id" in fields and bool(fields & {"user_id", "session_id"})
    if names_both or plain & {"feedbacktype", "items"}:
        return "events"

    def likeness(kind: Kind) -> tuple[int, int]:
        known = {field for field in guess(columns, kind=kind) if field is not None}
        have = sum(bool(set(choices) & known) for choices in REQUIRED[kind])
        return have - len(REQUIRED[kind]), len(known)

    kinds: tuple[Kind, ...] = ("items", "users", "events")
    whole = [kind for kind in kinds if likeness(kind)[0] == 0]
    named = re.compile("user|customer|mail")
    if {"items", "users"} <= set(whole) and any(named.search(name) for name in plain):
        return "users"
    return max(whole or kinds, key=likeness)
