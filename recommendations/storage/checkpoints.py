"""How far a stopped job came: numbered parts under one name, for a short time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

from core.dynamodb.batch import Delete, Get, Put, read_batch, write_all
from recommendations.models import CheckpointRow

KEPT = timedelta(days=2)
_PARTS_PER_READ = 20


def save(*, name: str, number: int, content: bytes) -> None:
    """Keep one part, of at most 350 KB; numbers start at 0 and leave no gap."""
    write_all([Put(_row(name, number, content))])


def parts(*, name: str) -> Iterator[bytes]:
    """Yield the parts of a name in order; nothing when there are none, or they are too old."""
    now = datetime.now(UTC).timestamp()
    for start in count(0, _PARTS_PER_READ):
        wanted = range(start, start + _PARTS_PER_READ)
        gets = [Get(CheckpointRow, _key(number), name) for number in wanted]
        for row in read_batch(gets, consistent=True):
            if not isinstance(row, CheckpointRow) or row.has_expired(now=now):
                return
            yield row.content


def delete(*, name: str, count: int) -> None:
    """Remove the first so many parts of a name."""
    write_all(Delete(CheckpointRow, _key(number), name) for number in range(count))


def _key(number: int) -> str:
    # Each part in a partition of its own: one takes about 1 MB a second.
    return f"{CheckpointRow.PK}#{number}"


def _row(name: str, number: int, content: bytes) -> CheckpointRow:
    expires_at = datetime.now(UTC) + KEPT
    return CheckpointRow(_key(number), name, content=content, expires_at=expires_at)
