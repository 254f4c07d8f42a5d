"""Neighbours of one item as a few bytes, readable without numpy.

Layout of version 1, little-endian::

    version      1 byte
    count        2 bytes
    width        1 byte      of one support: 1, 2, 4 or 8
    maximum      8 bytes     float64, the largest weight of the row
    weights      count × 1   in 255ths of the maximum
    supports     count × width
    checksum     4 bytes     CRC-32 of everything else
    ids          UTF-8, joined by newlines

A row of 100 neighbours takes about one kilobyte with ids of six characters.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Self, overload
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VERSION = 1
MAX_NEIGHBOURS = 65_535

_HEADER = struct.Struct("<BHBd")
_CHECKSUM = struct.Struct("<I")
_STEPS = 255
_FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}


class Neighbour(NamedTuple):
    """One item that goes with another."""

    item_id: str
    weight: float
    support: int


class Neighbours(Sequence[Neighbour]):
    """The neighbours of one item, in columns of equal length.

    A request reads thousands of neighbours and most often needs no more than ids and weights, so
    that an object for each of them would be most of its work.
    """

    __slots__ = ("item_ids", "supports", "weights")

    def __init__(
        self, item_ids: Sequence[str], weights: Sequence[float], supports: Sequence[int]
    ) -> None:
        self.item_ids = item_ids
        self.weights = weights
        self.supports = supports

    @classmethod
    def of(cls, neighbours: Iterable[Neighbour]) -> Self:
        """Return single neighbours as columns, in their order."""
        columns = tuple(zip(*neighbours, strict=True))
        return cls(*columns or ((), (), ()))

    def __len__(self) -> int:
        return len(self.item_ids)

    def __iter__(self) -> Iterator[Neighbour]:
        return map(Neighbour, self.item_ids, self.weights, self.supports)

    @overload
    def __getitem__(self, index: int) -> Neighbour: ...
    @overload
    def __getitem__(self, index: slice) -> Neighbours: ...
    def __getitem__(self, index: int | slice) -> Neighbour | Neighbours:
        if isinstance(index, slice):
            return Neighbours(self.item_ids[index], self.weights[index], self.supports[index])
        return Neighbour(self.item_ids[index], self.weights[index], self.supports[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Neighbours) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # its columns may be lists

    def __repr__(self) -> str:
        return f"{type(self).__name__}.of({list(self)!r})"


NO_NEIGHBOURS = Neighbours((), (), ())


def pack_neighbours(neighbours: Sequence[Neighbour]) -> bytes:
    """Return the row as bytes; order is kept, weights to 1/255 of the row's largest.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, a support is negative, an id is empty or contains a
        newline, or there are more than 65,535 neighbours.
    """
    if len(neighbours) > MAX_NEIGHBOURS:
        raise ValueError(f"a row holds at most {MAX_NEIGHBOURS} neighbours")
    for item_id, weight, support in neighbours:
        if not item_id or "\n" in item_id:
            raise ValueError(f"not an item id: {item_id!r}")
        if not math.isfinite(weight) or weight < 0:
            raise ValueError(f"weight of {item_id!r} must be finite and not negative")
        if not 0 <= support < 1 << 64:
            raise ValueError(f"support of {item_id!r} is out of range")
    count = len(neighbours)
    maximum = max((neighbour.weight for neighbour in neighbours), default=0.0)
    width = _width(max((neighbour.support for neighbour in neighbours), default=0))
    head = _HEADER.pack(VERSION, count, width, maximum)
    weights = bytes(_step(neighbour.weight, maximum) for neighbour in neighbours)
    supports = struct.pack(
        f"<{count}{_FORMATS[width]}", *(neighbour.support for neighbour in neighbours)
    )
    ids = "\n".join(neighbour.item_id for neighbour in neighbours).encode()
    return b"".join(
        (head, weights, supports, _CHECKSUM.pack(crc32(ids, crc32(head + weights + supports))), ids)
    )


def unpack_neighbours(row: bytes) -> Neighbours:
    """Return the neighbours of a packed row, in the order in which they were packed.

    Raises
    ------
    ValueError
        If the row is cut short, damaged, or of another version.
    """
    if len(row) < _HEADER.size + _CHECKSUM.size:
        raise ValueError("corrupt row of neighbours: too short")
    version, count, width, maximum = _HEADER.unpack_from(row)
    if version != VERSION:
        raise ValueError(f"row of neighbours has version {version}, not {VERSION}")
    middle = _HEADER.size + count
    end = middle + count * width
    start = end + _CHECKSUM.size
    if width not in _FORMATS or len(row) < start:
        raise ValueError("corrupt row of neighbours: wrong length")
    if _CHECKSUM.unpack_from(row, end)[0] != crc32(row[start:], crc32(row[:end])):
        raise ValueError("corrupt row of neighbours: wrong checksum")
    if not count:
        return NO_NEIGHBOURS
    step = maximum / _STEPS
    weights = [step * steps for steps in row[_HEADER.size : middle]]
    supports = struct.unpack_from(f"<{count}{_FORMATS[width]}", row, middle)
    ids = row[start:].decode().split("\n")
    if len(ids) != count:
        raise ValueError("corrupt row of neighbours: wrong count")
    return Neighbours(ids, weights, supports)


def _step(weight: float, maximum: float) -> int:
    # A neighbour stays one, however small its share of the largest weight.
    return max(1, round(_STEPS * (weight / maximum))) if weight else 0


def _width(largest: int) -> int:
    return next(width for width in _FORMATS if largest < 1 << (8 * width))
