"""Cut a file into records: rows of a CSV file, objects of a JSON Lines file.

A broken record costs only itself: reading goes on at the line after its first one.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from recommendations.importing.rejects import Reject, whole_row
from recommendations.importing.sources import Line

DELIMITERS = (",", ";", "\t")
MAX_RECORD_LINES = 100
_TOO_LONG = "This line is longer than 1 MB; is a line break missing?"
_NOT_UTF8 = "This is not UTF-8; save the file as UTF-8, or mend this row."
_NUL = "This row contains a NUL byte; remove it."
_OPEN_QUOTE = 'A quote (") is opened and not closed, or closed in the middle of a value.'


class Record(NamedTuple):
    """One row: the number of its first and last line, its fields, and its text."""

    line: int
    last_line: int
    fields: dict[str, Any]
    text: str


@dataclass(frozen=True, slots=True)
class _Cells:
    line: int
    last_line: int
    cells: list[str]
    text: str


class _Lines:
    """Lines of text that can be put back."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = iter(lines)
        self._back: deque[Line] = deque()

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        return self._back.popleft() if self._back else next(self._lines)

    def put_back(self, lines: Sequence[Line]) -> None:
        self._back.extendleft(reversed(lines))


def _text(line: Line) -> str:
    # Bytes that are not UTF-8 are carried along, so that a record is rejected as a whole.
    return line.data.decode("utf-8", "surrogateescape")


def _problem(line: Line, text: str) -> str | None:
    if line.too_long:
        return _TOO_LONG
    if "\0" in text:
        return _NUL
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return _NOT_UTF8
    return None


class CsvReader:
    """A CSV file with a header; commas, semicolons or tabs between the values.

    Attributes
    ----------
    header
        The names of the columns; empty when the file is.
    header_text, delimiter
        The same as it stands in the file, and what is between its values.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = _Lines(lines)
        self.delimiter = ","
        self.header_text = ""
        first = next((line for line in self._lines if line.data.strip()), None)
        self.header: list[str] = []
        self.header_problem: str | None = None
        if first is not None:
            text = _text(first)
            self.header_problem = _problem(first, text)
            self.delimiter = max(DELIMITERS, key=text.count)
            self._lines.put_back([first])
            found = self._next(next(self._lines))
            if isinstance(found, Reject):
                self.header_problem = self.header_problem or _OPEN_QUOTE
            else:
                self.header = [name.strip() for name in found.cells]
                self.header_text = found.text

    def rows(self, fields: Sequence[str | None]) -> Iterator[Record | Reject]:
        """Yield the rows; ``fields`` names the field of each column, None to leave it out.

        An empty value is an absent field.
        """
        wanted = [(index, field) for index, field in enumerate(fields) if field is not None]
        for line in self._lines:
            if not line.data.strip(b" \t\r\n,;"):
                continue
            found = self._next(line)
            if isinstance(found, Reject):
                yield found
                continue
            cells = found.cells
            values = {
                field: value for index, field in wanted if (value := cells[index].strip(" \t"))
            }
            yield Record(found.line, found.last_line, values, found.text)

    def _next(self, line: Line) -> _Cells | Reject:
        text = _text(line).rstrip("\r\n")
        if '"' not in text:
            if problem := _problem(line, text):
                return whole_row(line.number, problem, text)
            return self._checked(_Cells(line.number, line.number, text.split(self.delimiter), text))
        if line.too_long:
            return whole_row(line.number, _TOO_LONG, text)
        return self._quoted(line)

    def _quoted(self, first: Line) -> _Cells | Reject:
        taken = [first]
        text = _text(first)
        closes = True
        problem = _OPEN_QUOTE
        while True:
            if closes:
                try:
                    (cells,) = csv.reader([text], delimiter=self.delimiter, strict=True)
                except csv.Error as error:
                    if "unexpected end" not in str(error):
                        problem = f"This row is not valid CSV: {error}."
                        break
                else:
                    last = taken[-1].number
                    shown = text.rstrip("\r\n")
                    if wrong := _problem(first, text):
                        return whole_row(first.number, wrong, shown)
                    result = self._checked(_Cells(first.number, last, cells, shown))
                    if isinstance(result, Reject):
                        self._lines.put_back(taken[1:])
                    return result
            following = next(self._lines, None)
            if following is None:
                break
            taken.append(following)
            if following.too_long or len(taken) > MAX_RECORD_LINES:
                break
            added = _text(following)
            text += added
            closes = '"' in added
        self._lines.put_back(taken[1:])
        return whole_row(first.number, problem, _text(first).rstrip("\r\n"))

    def _checked(self, found: _Cells) -> _Cells | Reject:
        if self.header and len(found.cells) != len(self.header):
            problem = (
                f"This row has {len(found.cells)} columns, the header has {len(self.header)}; "
                "put values that contain the separator in quotes."
            )
            return whole_row(found.line, problem, found.text)
        return found


def read_json_lines(lines: Iterable[Line]) -> Iterator[Record | Reject]:
    """Yield the objects of a JSON Lines file, one per line; empty lines are skipped."""
    decoder = msgspec.json.Decoder()
    for line in lines:
        text = _text(line).strip()
        if not text:
            continue
        if problem := _problem(line, text):
            yield whole_row(line.number, problem, text)
            continue
        try:
            value = decoder.decode(text)
        except (msgspec.MsgspecError, RecursionError) as error:
            problem = f"This is not one JSON object per line: {error}."
            yield whole_row(line.number, problem, text)
            continue
        if isinstance(value, dict):
            yield Record(line.number, line.number, value, text)
        else:
            yield whole_row(line.number, "Give one JSON object per line.", text)
