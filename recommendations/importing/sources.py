"""Open a file, compressed or not, and read its lines with bounded memory."""

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, NamedTuple, Self, cast

Format = Literal["csv", "jsonl"]

MAX_LINE_BYTES = 1024 * 1024
STDIN = "-"
_GZIP = b"\x1f\x8b"
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SHOWN_BYTES = 2000
_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


class SourceError(Exception):
    """A file cannot be read, or not to its end; the message says what to do."""


class Line(NamedTuple):
    """One line with its number, from 1. A line that is too long keeps only its beginning."""

    number: int
    data: bytes
    too_long: bool = False


class Source:
    """A file, or standard input for ``-``.

    Parameters
    ----------
    path
    file, size
        What to read in place of a file of this name, and how many bytes it has.

    Attributes
    ----------
    size
        Bytes on disk, to show progress; None when unknown.
    """

    def __init__(
        self, path: str, *, file: io.RawIOBase | None = None, size: int | None = None
    ) -> None:
        self.path = path
        self.name = "standard input" if path == STDIN else path
        self.size = size
        self._file = file
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            if self._file is not None:
                self._raw: BinaryIO = io.BufferedReader(self._file)
            elif self.path == STDIN:
                self._raw = sys.stdin.buffer
            else:
                self._raw = self._stack.enter_context(Path(self.path).open("rb"))
                self.size = Path(self.path).stat().st_size
            stream = cast("io.BufferedReader", self._raw)
            if stream.peek(2).startswith(_GZIP):
                unpacked = gzip.GzipFile(fileobj=self._raw, mode="rb")
                stream = io.BufferedReader(cast("io.RawIOBase", unpacked))
            self._stream = stream
            start = stream.peek(4096)
        except OSError as error:
            self._stack.close()
            message = f"cannot read {self.name}: {error.strerror or error}"
            raise SourceError(message) from error
        except (EOFError, zlib.error) as error:
            self._stack.close()
            raise SourceError(_damaged(self.name, 0)) from error
        if start.startswith(_UTF16_MARKS):
            self._stack.close()
            message = f"{self.name} is in UTF-16; save it as UTF-8"
            raise SourceError(message)
        if start.startswith(_UTF8_MARK):
            stream.read(len(_UTF8_MARK))
            start = start[len(_UTF8_MARK) :]
        self._start = start.lstrip()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def format(self) -> Format:
        """Tell the format by the name's ending, else by the first character.

        Raises
        ------
        SourceError
            When it is one JSON document rather than one per line.
        """
        if self._start.startswith(b"["):
            message = f"{self.name} is a JSON array; write one object per line (JSON Lines)"
            raise SourceError(message)
        name = Path(self.path.lower().removesuffix(".gz"))
        by_start: Format = "jsonl" if self._start.startswith(b"{") else "csv"
        return _SUFFIXES.get(name.suffix, by_start)

    def begins_with(self, test: Callable[[bytes], bool]) -> bool:
        """Tell whether a test holds for the first bytes of the content, up to 4 KB."""
        return test(self._start)

    def position(self) -> int:
        """Return how many bytes of the file have been read."""
        return self._raw.tell() if self.size is not None else 0

    def lines(self) -> Iterator[Line]:
        """Yield the lines with their ends.

        Raises
        ------
        SourceError
            When the file is damaged or ends in the middle.
        """
        number = 0
        try:
            while data := self._stream.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(data) > MAX_LINE_BYTES:
                    rest = data
                    while rest and not rest.endswith(b"\n"):
                        rest = self._stream.readline(MAX_LINE_BYTES)
                    yield Line(number, data[:_SHOWN_BYTES], too_long=True)
                else:
                    yield Line(number, data)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SourceError(_damaged(self.name, number)) from error
        except OSError as error:
            message = f"cannot read {self.name} after line {number}: {error.strerror or error}"
            raise SourceError(message) from error


def _damaged(name: str, number: int) -> str:
    return f"{name} is damaged or cut off after line {number}; get it again"
