"""Rows that were not accepted, and why."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

WHOLE_ROW = "row"
_SHOWN_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was not accepted: its first line, what is wrong by field, and its text.

    Attributes
    ----------
    event
        What names the event that it is a line of, where the file has one line per row.
    """

    line: int
    reason: Mapping[str, Sequence[str]]
    text: str
    event: str | None = None


def whole_row(line: int, problem: str, text: str) -> Reject:
    """Return a reject whose reason is not about one field."""
    return Reject(line, {WHOLE_ROW: [problem]}, text)


def open_private(path: Path) -> BinaryIO:
    """Open a file for writing that only its owner may read; one of this name is replaced."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


class RejectsFile:
    """A JSON Lines file of rejects. It holds customers' data, so only the owner may read it.

    A file of this name is replaced; nothing is left behind when nothing was rejected.
    """

    def __init__(self, path: Path) -> None:
        self._file = open_private(path)
        self.path = path
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def write(self, file: str, reject: Reject) -> None:
        self.count += 1
        text = reject.text.encode("utf-8", "backslashreplace").decode()[:_SHOWN_CHARACTERS]
        row = {"file": file, "line": reject.line, "reason": reject.reason, "text": text}
        self._file.write(msgspec.json.encode(row) + b"\n")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if self.count == 0 and self.path.is_file():
            self.path.unlink()
