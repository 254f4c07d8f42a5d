"""The sets of counters and ledger: the one that is read, and the one that a rebuild makes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.dynamodb.batch import Delete, write_all
from core.dynamodb.conditions import held
from core.dynamodb.tables import Table
from recommendations.models import (
    EffectsRow,
    ItemStatsRow,
    PlacementStatsRow,
    ProfileRow,
    RebuildRow,
    ServingRow,
)
from recommendations.storage.events import EventKey
from recommendations.storage.serving import ServingState


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """A rebuild that has begun: what it makes, under which settings, and how far it is.

    ``position`` is the key of the last event that has been counted, ``rows`` their number.
    """

    generation: int
    preferences_number: int
    position: EventKey | None = None
    rows: int = 0


def unfinished() -> Rebuild | None:
    """Return the rebuild that was begun last and has not ended."""
    row = RebuildRow.load(RebuildRow.PK, RebuildRow.SK, consistent=True)
    if row is None:
        return None
    return Rebuild(
        generation=int(row.generation),
        preferences_number=int(row.preferences_number),
        position=None if row.position is None else (row.position[0], row.position[1]),
        rows=int(row.rows),
    )


def begin(state: ServingState) -> Rebuild:
    """Let the stream keep one more generation, which has no rows yet.

    From then on whoever handles an event counts it there too. Whoever does not know of it yet
    handles events that were stored before.
    """
    generation = max(state.generations) + 1
    row = ServingRow(ServingRow.PK, ServingRow.SK)
    row.update(actions=[ServingRow.rebuilding.set(generation)])
    rebuild = Rebuild(generation=generation, preferences_number=state.preferences_number)
    save(rebuild)
    return rebuild


def save(rebuild: Rebuild) -> None:
    """Remember how far a rebuild is."""
    RebuildRow(
        RebuildRow.PK,
        RebuildRow.SK,
        generation=rebuild.generation,
        preferences_number=rebuild.preferences_number,
        position=rebuild.position and list(rebuild.position),
        rows=rebuild.rows,
    ).save()


def switch(rebuild: Rebuild) -> bool:
    """Let everyone read what a rebuild has made; False when it is no longer the one that runs."""
    row = ServingRow(ServingRow.PK, ServingRow.SK)
    actions = [ServingRow.generation.set(rebuild.generation), ServingRow.rebuilding.remove()]
    current = ServingRow.rebuilding == rebuild.generation
    if not held(lambda: row.update(actions=[*actions], condition=current)):
        return False
    RebuildRow(RebuildRow.PK, RebuildRow.SK).delete()
    return True


def sweep(*, live: int) -> Iterator[int]:
    """Remove the rows of all generations but one, as they are found; yield how many at a time."""
    for table in (EffectsRow, ItemStatsRow, PlacementStatsRow):
        yield write_all(
            Delete(table, name, entry)
            for name, entry in _keys(table)
            if entry.partition("#")[0] != str(live)
        )


def _keys(table: type[Table]) -> Iterator[Sequence[str]]:
    names = table.key_names()
    for row in table.scan(attributes_to_get=list(names)):
        raw = row.serialize(null_check=False)
        yield [raw[name]["S"] for name in names]


def users_with_profiles() -> Iterator[str]:
    """Yield the ids of all users that have a profile."""
    for row in ProfileRow.scan(attributes_to_get=list(ProfileRow.key_names())):
        yield row.user_id
