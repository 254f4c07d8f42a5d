"""The live lists, and the order of the counters that they are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from core.dynamodb.batch import Put, write_batch
from core.dynamodb.conditions import save_if
from core.dynamodb.sharded import merge_shards
from recommendations.models import ItemStatsRow, ListRow
from recommendations.storage.statistics import BOARD_SHARDS, board, counts_of

LIVE = "live"
_CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class Ranked:
    """A product and what was counted of it in one period."""

    item_id: str
    counts: Mapping[str, int | Decimal]


def ranked(*, period: str, generation: int, limit: int) -> list[Ranked]:
    """Return the products with most points in a period, in one round trip per shard."""

    def read(shard: str) -> list[ItemStatsRow]:
        return list(ItemStatsRow.boards.query(shard, scan_index_forward=False, limit=limit))

    rows = merge_shards(
        read,
        shards=[board(period, shard=shard, generation=generation) for shard in range(BOARD_SHARDS)],
        key=lambda row: (row.points, row.name),
        limit=limit,
        newest_first=True,
    )
    return [Ranked(row.name, counts_of(row)) for row in rows]


def save(lists: Mapping[str, Sequence[tuple[str, float]]], *, epoch: int) -> None:
    """Replace live lists, by name; all that is in them was available in an epoch."""
    write_batch(
        [
            Put(ListRow(name, LIVE, entries=[list(entry) for entry in entries], epoch=epoch))
            for name, entries in lists.items()
        ]
    )


def claim(*, now: datetime, seconds: float) -> bool:
    """Take the right to make the lists for so long; False while somebody else has it."""
    free = ListRow.expires_at.does_not_exist() | (ListRow.expires_at <= now)
    row = ListRow(_CLAIM, LIVE, entries=[], expires_at=now + timedelta(seconds=seconds))
    return save_if(row, free)
