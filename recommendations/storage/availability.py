"""Which products may be shown: recent changes, in the one row that every request reads.

The row names the products that were hidden lately, so that they are out of every answer at the
next request. It stays small: when it is full, a new epoch begins. All that was computed before is
stale then, and is compared with the catalogue when it is computed anew.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from pynamodb.expressions.condition import size

from core.dynamodb.conditions import held
from recommendations.models import ServingRow

MAX_NAMED = 100


@contextmanager
def hiding(item_ids: Collection[str]) -> Iterator[None]:
    """Take products out of all answers, around the writes that say so in the catalogue.

    They are hidden before, so that whoever dies half-way has hidden too much rather than too
    little.
    """
    if not item_ids:
        yield
        return
    epoch = _hide(item_ids)
    yield
    row = ServingRow.load(ServingRow.PK, ServingRow.SK, consistent=True)
    if row is None or row.epoch != epoch or len(item_ids) > MAX_NAMED:
        # What was computed in a new epoch so far may have seen the catalogue as it was.
        _hide(item_ids)


def show(item_ids: Collection[str]) -> None:
    """Let products that the catalogue has as available come back."""
    row = ServingRow.load(ServingRow.PK, ServingRow.SK, consistent=True)
    back = set(item_ids) & (row.hidden or set()) if row is not None else set()
    if back:
        ServingRow(ServingRow.PK, ServingRow.SK).update(actions=[ServingRow.hidden.delete(back)])


def _hide(item_ids: Collection[str]) -> float | None:
    """Name products as hidden, in a new epoch if there is no room; return the epoch."""
    names = set(item_ids)
    row = ServingRow(ServingRow.PK, ServingRow.SK)
    if len(names) <= MAX_NAMED:
        has_room = ServingRow.hidden.does_not_exist() | (
            size(ServingRow.hidden) <= MAX_NAMED - len(names)  # type: ignore[no-untyped-call]
        )
        if held(lambda: row.update(actions=[ServingRow.hidden.add(names)], condition=has_room)):
            return row.epoch
    # These stay named: a catalogue row that was written just now may be read as it was.
    newest = set(sorted(names)[:MAX_NAMED])
    row.update(actions=[ServingRow.hidden.set(newest), ServingRow.epoch.add(1)])
    return row.epoch
