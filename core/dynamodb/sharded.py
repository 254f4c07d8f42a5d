"""Partitions that would be too hot, spread over shards and merged again in order."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from heapq import merge
from itertools import islice
from typing import Any, TypeVar

# DynamoDB sorts text by its UTF-8 bytes, which is the order of code points: nothing sorts after
# this, and nothing comes between a text and the same text with a zero behind it.
LAST = "\U0010ffff"
NEXT = "\x00"

_Row = TypeVar("_Row")


def shard_of(key: str, *, shards: int) -> int:
    """Return the shard that a key belongs to; the same on every machine and at all times."""
    return zlib.crc32(key.encode()) % shards


def merge_shards(
    read: Callable[[str], Sequence[_Row]],
    *,
    shards: Sequence[str],
    key: Callable[[_Row], Any],
    limit: int,
    newest_first: bool = False,
) -> list[_Row]:
    """Return the first ``limit`` rows over all shards in order of ``key``.

    ``read`` is called once per shard, at the same time, and returns that shard's first ``limit``
    rows in the same order.
    """
    if len(shards) == 1:
        return list(islice(read(shards[0]), limit))
    with ThreadPoolExecutor(max_workers=len(shards)) as pool:
        futures = [pool.submit(copy_context().run, read, shard) for shard in shards]
        parts: list[Iterator[_Row]] = [iter(future.result()) for future in futures]
    return list(islice(merge(*parts, key=key, reverse=newest_first), limit))
