"""Counters, and the ledger of what each event has added to them.

Every key begins with the number of a generation, so that a rebuild can make a second set of rows
beside the one that is read.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from operator import and_
from typing import Any, cast

from pynamodb.attributes import Attribute
from pynamodb.expressions.condition import Condition

from core.dynamodb.batch import Delete, Get, Put, read_batch, write_all
from core.dynamodb.sharded import shard_of
from core.dynamodb.transactions import Remove, Save, Update, transact
from recommendations.models import EffectsRow, ItemStatsRow, PlacementStatsRow
from recommendations.statistics import SHOP, Contributions, CounterKey
from recommendations.storage.events import EventKey

_CounterRow = ItemStatsRow | PlacementStatsRow
_ROWS: dict[str, type[ItemStatsRow] | type[PlacementStatsRow]] = {
    "item_stats": ItemStatsRow,
    "placement_stats": PlacementStatsRow,
}
BOARD_SHARDS = 4


@dataclass(frozen=True, slots=True)
class Effects:
    """What an event has added to the counters so far, as the ledger has it.

    ``digest`` is None when the ledger has nothing of the event.
    """

    added: Contributions = field(default_factory=dict)
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A step of the ledger for one event: from what was added ``before`` to ``after``."""

    key: EventKey
    before: Effects
    after: Contributions

    @property
    def difference(self) -> Contributions:
        """Return what the counters must change by; without zeros."""
        return added([self.after, negated(self.before.added)])


def added(parts: Sequence[Contributions]) -> Contributions:
    """Return the sum of contributions, without zeros."""
    sums: dict[CounterKey, dict[str, int | Decimal]] = defaultdict(lambda: defaultdict(int))
    for part in parts:
        for key, counts in part.items():
            for name, count in counts.items():
                sums[key][name] += count
    found = {
        key: {name: count for name, count in counts.items() if count}
        for key, counts in sums.items()
    }
    return {key: counts for key, counts in found.items() if counts}


def negated(part: Contributions) -> Contributions:
    """Return what takes contributions back."""
    return {key: {name: -count for name, count in counts.items()} for key, counts in part.items()}


def effects(keys: Collection[EventKey], *, generation: int) -> dict[EventKey, Effects]:
    """Return the ledger's rows of events, in one round trip per 100; empty ones where none are."""
    entries = {key: _entry(key, generation) for key in keys}
    rows = read_batch([Get(EffectsRow, *entry) for entry in entries.values()], consistent=True)
    return {
        key: Effects(_decode(row.effects), row.digest) if isinstance(row, EffectsRow) else Effects()
        for key, row in zip(entries, rows, strict=True)
    }


def keys_of(actor: str) -> set[EventKey]:
    """Return the events of a user or session that the ledger knows, of all generations."""
    return {(actor, entry.partition("#")[2]) for entry in _entries_of(actor)}


def forget(actor: str) -> int:
    """Remove the ledger's rows of a user or session, which must not count any more."""
    return write_all(Delete(EffectsRow, actor, entry) for entry in _entries_of(actor))


def _entries_of(actor: str) -> list[str]:
    names = list(EffectsRow.key_names())
    rows = EffectsRow.query(actor, attributes_to_get=names, consistent_read=True)
    return [row.entry for row in rows]


def _entry(key: EventKey, generation: int) -> tuple[str, str]:
    actor, moment = key
    return actor, f"{generation}#{moment}"


def effects_of(part: Contributions) -> Effects:
    """Return the ledger's row of an event that has added this."""
    if not part:
        return Effects()
    text = json.dumps(_encode(part)).encode()
    return Effects(part, hashlib.sha256(text).hexdigest()[:20])


def _encode(part: Contributions) -> list[list[Any]]:
    """Return contributions in one form only: sorted, with periods that count the same as one."""
    grouped: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for key in sorted(part):
        counts = {name: _plain(count) for name, count in sorted(part[key].items())}
        grouped[key.table, key.name, json.dumps(counts)].append(key.period)
    return [
        [table, name, periods, json.loads(counts)]
        for (table, name, counts), periods in grouped.items()
    ]


def _plain(count: int | Decimal) -> int | str:
    return count if isinstance(count, int) else f"{count.normalize():f}"


def _decode(stored: Sequence[Sequence[Any]]) -> Contributions:
    return {
        CounterKey(table, name, period): {
            each: Decimal(count) if isinstance(count, str) else count
            for each, count in counts.items()
        }
        for table, name, periods, counts in stored
        for period in periods
    }


def commit(changes: Sequence[Change], *, generation: int) -> None:
    """Bring the ledger and the counters from before to after, all at once or not at all.

    Raises
    ------
    ConditionFailedError
        When somebody else has changed one of the ledger's rows, or a counter that goes down:
        read again and compute anew.
    BatchIncompleteError
        When DynamoDB refused it past the last retry.
    """
    sums = added([change.difference for change in changes])
    falling = [key for key, counts in sums.items() if any(count < 0 for count in counts.values())]
    found = _counters(falling, generation=generation)
    transact(
        [
            *(_ledger_write(change, generation) for change in changes),
            *(
                _rewritten(key, found[key], counts, generation)
                if key in found
                else _increased(key, counts, generation)
                for key, counts in sums.items()
            ),
        ]
    )


def fill(counted: Mapping[EventKey, Contributions], *, generation: int) -> None:
    """Write the counters and the ledger of a generation that has no rows, and that nobody reads.

    Not at once: after a failure the generation must be given up.
    """
    write_all(
        Put(_filled(key, counts, generation)) for key, counts in added([*counted.values()]).items()
    )
    write_all(
        Put(EffectsRow(*_entry(key, generation), effects=_encode(part), digest=digest))
        for key, part in counted.items()
        if (digest := effects_of(part).digest) is not None
    )


def _filled(key: CounterKey, counts: Mapping[str, int | Decimal], generation: int) -> _CounterRow:
    row = _row(key, generation)
    for name, count in counts.items():
        setattr(row, name, count)
    if isinstance(row, ItemStatsRow):
        row.board = _board(key, generation)
    return row


def _ledger_write(change: Change, generation: int) -> Save | Remove:
    digest = change.before.digest
    unchanged = (
        EffectsRow.digest.does_not_exist() if digest is None else EffectsRow.digest == digest
    )
    row = EffectsRow(*_entry(change.key, generation))
    if not change.after:
        return Remove(row, unchanged)
    row.effects = _encode(change.after)
    row.digest = effects_of(change.after).digest
    return Save(row, unchanged)


def _row(key: CounterKey, generation: int) -> _CounterRow:
    return _ROWS[key.table](key.name, f"{generation}#{key.period}")


def _counters(
    keys: Sequence[CounterKey], *, generation: int
) -> dict[CounterKey, dict[str, int | Decimal]]:
    rows = read_batch(
        [Get(_ROWS[key.table], key.name, f"{generation}#{key.period}") for key in keys],
        consistent=True,
    )
    return {
        key: {} if row is None else counts_of(cast("_CounterRow", row))
        for key, row in zip(keys, rows, strict=True)
    }


def counts_of(row: _CounterRow) -> dict[str, int | Decimal]:
    """Return the counts in a row, without those that are zero."""
    return {
        name: value
        for name, value in row.attribute_values.items()
        if isinstance(value, int | Decimal)
    }


def events_counted(*, generation: int) -> int:
    """Return the events in the counters of the whole shop: a query of some rows for each day."""
    rows = PlacementStatsRow.query(SHOP, PlacementStatsRow.period.startswith(f"{generation}#"))
    return sum(int(row.events) for row in rows)


def _increased(key: CounterKey, counts: Mapping[str, int | Decimal], generation: int) -> Update:
    row = _row(key, generation)
    additions = [_attribute(row, name).add(count) for name, count in counts.items()]
    if isinstance(row, ItemStatsRow):
        return Update(row, [*additions, ItemStatsRow.board.set(_board(key, generation))])
    return Update(row, additions)


def _rewritten(
    key: CounterKey,
    before: Mapping[str, int | Decimal],
    counts: Mapping[str, int | Decimal],
    generation: int,
) -> Update | Remove:
    """Return the write after which a counter that came down to zero is gone, not zero.

    What is left is the same, to the bit, as if it had never been counted.
    """
    row = _row(key, generation)
    unchanged = reduce(and_, (_is(row, name, before) for name in {*counts, "events"}))
    after = {name: before.get(name, 0) + count for name, count in counts.items()}
    if not before.get("events", 0) + counts.get("events", 0):
        return Remove(row, unchanged)
    actions = [
        _attribute(row, name).set(value) if value else _attribute(row, name).remove()
        for name, value in after.items()
    ]
    return Update(row, actions, unchanged)


def _attribute(row: _CounterRow, name: str) -> Attribute[Any]:
    return cast("Attribute[Any]", getattr(type(row), name))


def _is(row: _CounterRow, name: str, before: Mapping[str, int | Decimal]) -> Condition:
    attribute = _attribute(row, name)
    known = before.get(name)
    return cast("Condition", attribute.does_not_exist() if known is None else attribute == known)


def _board(key: CounterKey, generation: int) -> str:
    return board(key.period, shard=shard_of(key.name, shards=BOARD_SHARDS), generation=generation)


def board(period: str, *, shard: int, generation: int) -> str:
    """Return the partition of the index ``boards`` that ranks products in a period."""
    return f"{generation}#{period}#{shard}"
