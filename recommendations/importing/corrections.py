"""The rejected rows of a file, as a file that can be mended and imported again.

Each row begins with what is wrong about it, in a column (CSV) or under a key (JSON Lines) that an
import leaves out. Of an event with a row for each line all rows come along, since an event that is
imported again replaces the one before.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import msgspec

from recommendations.importing.parameters import PROBLEM
from recommendations.importing.records import CsvReader, Record
from recommendations.importing.rejects import WHOLE_ROW, Reject
from recommendations.importing.rows import event_name
from recommendations.importing.sources import Format, Source

# What one file of rejected rows holds; whoever mends so many has misread the file.
MOST_ROWS = 20_000
_MOST_KINDS = 50
_LISTED_ROWS = 100
_SHOWN_CHARACTERS = 160
_ALONG = "right itself: it comes along because another row of its event was rejected"
_UTF8_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a row: its line, the field, what to do, and the beginning of the row."""

    line: int
    field: str
    text: str
    row: str


class ProblemKind(msgspec.Struct, frozen=True):
    """A problem that several rows have: the field, what to do, how many, and the first line."""

    field: str
    text: str
    count: int
    line: int


class Report(msgspec.Struct, frozen=True):
    """What was rejected: how many rows, the most frequent problems, and the first rows."""

    rejected: int
    kinds: tuple[ProblemKind, ...]
    first: tuple[Problem, ...]


@dataclass(slots=True)
class Rejected:
    """Gathers what an import rejects, in bounded memory.

    Attributes
    ----------
    problems
        What is wrong, by line: of the first 20,000.
    events
        Those that a rejected row is a line of.
    """

    count: int = 0
    problems: dict[int, str] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)
    _kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lines: dict[tuple[str, str], int] = field(default_factory=dict)
    _first: list[Problem] = field(default_factory=list)

    def add(self, _name: str, reject: Reject) -> None:
        """Take a rejected row."""
        self.count += 1
        texts = [(name, _advised(name, said)) for name, said in reject.reason.items()]
        for kind in texts:
            if kind in self._kinds or len(self._kinds) < _MOST_KINDS:
                self._kinds[kind] += 1
                self._lines.setdefault(kind, reject.line)
        if len(self.problems) >= MOST_ROWS:
            return
        self.problems[reject.line] = "; ".join(
            text if name == WHOLE_ROW else f"{name}: {text}" for name, text in texts
        )
        if reject.event is not None:
            self.events.add(reject.event)
        if len(self._first) < _LISTED_ROWS:
            shown = _clean(reject.text)[:_SHOWN_CHARACTERS]
            self._first += [Problem(reject.line, name, text, shown) for name, text in texts[:1]]

    def report(self) -> Report:
        """Return what people want to know of it."""
        kinds = (
            ProblemKind(name, text, count, self._lines[name, text])
            for (name, text), count in self._kinds.most_common()
        )
        return Report(self.count, tuple(kinds), tuple(self._first))


# What checks of types say is exact, and does not say what to write.
_ADVICE = {
    "timestamp": "Write it like 2025-11-22T12:30:00Z, or say which zone such times are in.",
    "quantity": "Write a whole number of at least 1.",
    "price": "Write a number like 12.75.",
    "available": "Write true or false.",
    "published_at": "Write it like 2025-11-22T12:30:00Z.",
}


def _advised(name: str, said: Iterable[str]) -> str:
    text = " ".join(said)
    advice = _ADVICE.get(name.rpartition(".")[2])
    exact = text.startswith(("Expected", "Invalid"))
    return f"{text} {advice}" if advice and exact else text


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def write(
    target: BinaryIO,
    rejected: Rejected,
    records: Iterable[Record | Reject],
    *,
    head: Source,
    form: Format,
) -> int:
    """Write the rejected rows, and those that come along; return how many.

    Parameters
    ----------
    records
        All rows of the file once more.
    head
        The same file, for its header.
    """
    found = list(_wanted(records, rejected))
    # Rows of one event next to each other, at the place of the first.
    places: dict[str, int] = {}
    for place, (_, name, _) in enumerate(found):
        if name is not None:
            places.setdefault(name, place)
    order = sorted(
        range(len(found)),
        key=lambda place: places.get(found[place][1] or "", place),
    )
    if form == "csv":
        with head:
            reader = CsvReader(head.lines())
            header = f"{_UTF8_MARK}{PROBLEM}{reader.delimiter}{reader.header_text}"
        target.write(f"{header}\n".encode("utf-8", "surrogateescape"))
    for place in order:
        problem, _, text = found[place]
        line = (
            f"{_cell(problem, reader.delimiter)}{text}" if form == "csv" else _object(problem, text)
        )
        target.write(f"{line}\n".encode("utf-8", "surrogateescape"))
    return len(found)


def _wanted(
    records: Iterable[Record | Reject], rejected: Rejected
) -> Iterator[tuple[str, str | None, str]]:
    count = 0
    for record in records:
        problem = rejected.problems.get(record.line)
        name = record.event if isinstance(record, Reject) else event_name(record)
        if problem is None and name not in rejected.events:
            continue
        yield problem or _ALONG, name if name in rejected.events else None, record.text
        count += 1
        if count == 2 * MOST_ROWS:
            return


def _cell(problem: str, delimiter: str) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator=delimiter).writerow([problem])
    return line.getvalue()


def _object(problem: str, text: str) -> str:
    try:
        value: Any = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return text
    if not isinstance(value, dict):
        return text
    return msgspec.json.encode({PROBLEM: problem, **value}).decode()
