"""What is bought together with one item, as a few bytes, readable without numpy.

Layout of version 1, little-endian: version (1 byte), count (2 bytes), checksum (CRC-32 of the
floats, 4 bytes), ``count`` confidences and ``count`` lifts as float32, then the row that
`recommendations.engine.packing` makes of ids, scores and supports.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from recommendations.engine.packing import Neighbour, pack_neighbours, unpack_neighbours

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 1

_HEADER = struct.Struct("<BHI")


class Association(NamedTuple):
    """One item that is bought together with another.

    ``support`` counts the baskets with both, ``confidence`` is their share of the baskets with the
    first item, ``lift`` the ratio of that to the share of all baskets.
    """

    item_id: str
    score: float
    support: int
    confidence: float
    lift: float


def pack_associations(associations: Sequence[Association]) -> bytes:
    """Return the row as bytes; see `pack_neighbours` for what is kept and what is refused."""
    row = pack_neighbours([Neighbour(each[0], each[1], each[2]) for each in associations])
    count = len(associations)
    floats = struct.pack(
        f"<{2 * count}f",
        *(each.confidence for each in associations),
        *(each.lift for each in associations),
    )
    return b"".join((_HEADER.pack(VERSION, count, crc32(floats)), floats, row))


def unpack_associations(packed: bytes) -> list[Association]:
    """Return the associations of a packed row, in the order in which they were packed.

    Raises
    ------
    ValueError
        If the row is cut short, damaged, or of another version.
    """
    if len(packed) < _HEADER.size:
        raise ValueError("corrupt row of neighbours: too short")
    version, count, checksum = _HEADER.unpack_from(packed)
    end = _HEADER.size + 8 * count
    floats = packed[_HEADER.size : end]
    if version != VERSION or len(floats) != 8 * count or crc32(floats) != checksum:
        raise ValueError("corrupt row of neighbours: wrong version, length or checksum")
    values = struct.unpack(f"<{2 * count}f", floats)
    neighbours = unpack_neighbours(packed[end:])
    if len(neighbours) != count:
        raise ValueError("corrupt row of neighbours: wrong count")
    return [
        Association(*neighbour, confidence, lift)
        for neighbour, confidence, lift in zip(
            neighbours, values[:count], values[count:], strict=True
        )
    ]
