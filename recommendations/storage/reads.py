"""The rows that one request reads: each of them once, and many in one round trip."""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from core.dynamodb.batch import READ_LIMIT, Get, read_batch
from recommendations.engine.associations import Association
from recommendations.engine.packing import Neighbours
from recommendations.entities import Item
from recommendations.models import ItemRow, ListRow, NeighboursRow, ProfileRow, ServingRow
from recommendations.profiles import Entry, Profile
from recommendations.storage import items, neighbours, placements, serving
from recommendations.storage.lists import LIVE
from recommendations.storage.neighbours import Kind
from recommendations.storage.placements import StoredPlacement
from recommendations.storage.serving import ServingState

MAX_ROUND_TRIPS = 3
_UNKNOWN = ServingState()
_STATE = Get(ServingRow, ServingRow.PK, ServingRow.SK)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Rows to read: of users, products, neighbours by kind, ready lists and placements by name.

    ``lists`` are read in their live form and in that of the model, ``trained_lists`` in the latter.
    """

    users: Collection[str] = ()
    items: Collection[str] = ()
    neighbours: Mapping[Kind, Collection[str]] = {}
    lists: Collection[str] = ()
    trained_lists: Collection[str] = ()
    placements: Collection[str] = ()

    def __or__(self, other: "Wanted") -> "Wanted":
        """Return both together."""
        kinds = [*self.neighbours, *other.neighbours]
        return Wanted(
            users=[*self.users, *other.users],
            items=[*self.items, *other.items],
            neighbours={
                kind: [*self.neighbours.get(kind, ()), *other.neighbours.get(kind, ())]
                for kind in kinds
            },
            lists=[*self.lists, *other.lists],
            trained_lists=[*self.trained_lists, *other.trained_lists],
            placements=[*self.placements, *other.placements],
        )


class Reads:
    """What a request has read so far, with its budget of round trips.

    The serving state comes with the first round trip. Ready lists of a model version are known
    by name only after it; before, a list is read in its live form alone.

    Parameters
    ----------
    version
        Read as if this model version were live.
    """

    def __init__(self, *, version: str | None = None) -> None:
        self._version = version
        self._rows: dict[Get, object] = {}
        # Also by id alone: each candidate of a list asks for its product.
        self._items: dict[str, object] = {}
        self._profiles: dict[str, Profile | None] = {}
        self.state = _UNKNOWN
        self.round_trips = 0

    def shared(self) -> "Reads":
        """Return another request's reads, which has at hand what this one and others have read."""
        other = Reads(version=self._version)
        other._rows = self._rows
        other._items = self._items
        other.state = self.state
        other.round_trips = 1
        return other

    @property
    def left(self) -> int:
        """Return how many round trips are left in the budget of a request."""
        return max(MAX_ROUND_TRIPS - self.round_trips, 0)

    @property
    def version(self) -> str:
        """Return the live model version; empty without one, before which there is no other."""
        return self._version or self.state.live_version or ""

    def fetch(self, wanted: Wanted, *, consistent: bool = False) -> None:
        """Read the rows that are not here yet; with the first ones comes the serving state."""
        missing = [get for get in self._gets(wanted) if get not in self._rows]
        if _STATE not in self._rows:
            missing.insert(0, _STATE)
        self.round_trips += -(-len(missing) // READ_LIMIT)
        if not missing:
            return
        for get, row in zip(missing, read_batch(missing, consistent=consistent), strict=True):
            self._rows[get] = row
            if get.table is ItemRow:
                self._items[get.hash_key] = row
        if missing[0] == _STATE:
            self.state = serving.state_of(self._rows[_STATE])

    def missing(self, wanted: Wanted) -> int:
        """Return how many of the rows are not here yet."""
        return sum(1 for get in self._gets(wanted) if get not in self._rows)

    def room(self, wanted: Wanted) -> int:
        """Return how many further rows fit into the round trip that reads the wanted ones."""
        return max(READ_LIMIT - self.missing(wanted) - (_STATE not in self._rows), 0)

    def _gets(self, wanted: Wanted) -> dict[Get, None]:
        gets = [
            *(Get(ProfileRow, user_id) for user_id in wanted.users),
            *(Get(ItemRow, item_id) for item_id in wanted.items),
            *(
                neighbours.get(item_id, kind=kind)
                for kind, item_ids in wanted.neighbours.items()
                for item_id in item_ids
            ),
            *(Get(ListRow, name, LIVE) for name in wanted.lists),
            *(placements.get(name) for name in wanted.placements),
        ]
        if _STATE in self._rows and self.version:
            names = (*wanted.lists, *wanted.trained_lists)
            gets += [Get(ListRow, name, self.version) for name in names]
        return dict.fromkeys(gets)

    def profile(self, user_id: str) -> Profile | None:
        """Return a user's profile as it has been read, or as it was kept here since."""
        if user_id not in self._profiles:
            row = self._rows.get(Get(ProfileRow, user_id))
            self._profiles[user_id] = serving.profile_of(row)
        return self._profiles[user_id]

    def ready_head(self, user_id: str) -> list[Entry]:
        """Return the first entries of the stored profile where it is the present one; else none."""
        if user_id in self._profiles:
            return []
        return serving.head_of(self._rows.get(Get(ProfileRow, user_id)), stamp=self.state.stamp)

    def keep_profile(self, user_id: str, profile: Profile | None) -> None:
        """Let a profile that was computed for a preview stand for the stored one.

        The answer that is made of it has the budget that it would have with a stored one.
        """
        self._profiles[user_id] = profile
        self.round_trips = 1

    def placement(self, name: str) -> StoredPlacement | None:
        """Return a placement that has been read."""
        return placements.from_row(self._rows.get(placements.get(name)))

    def knows_item(self, item_id: str) -> bool:
        """Tell whether the product has been looked up in the catalogue."""
        return item_id in self._items

    def items(self, item_ids: Iterable[str]) -> dict[str, Item]:
        """Return those of the products that have been read and are not deleted."""
        rows = {item_id: self._items.get(item_id) for item_id in item_ids}
        return {
            item_id: items.from_row(row)
            for item_id, row in rows.items()
            if isinstance(row, ItemRow) and not row.deleted
        }

    def is_gone(self, item_id: str) -> bool:
        """Tell whether the catalogue says that a product is deleted or not available.

        What the catalogue has never heard of is not gone: events may name it before it is saved.
        """
        row = self._items.get(item_id)
        return isinstance(row, ItemRow) and (bool(row.deleted) or not row.available)

    def neighbours(self, item_ids: Iterable[str], *, kind: Kind) -> dict[str, Neighbours]:
        """Return the rows that the live model has for items: similar ones, or what comes next."""
        return {
            item_id: neighbours.unpack(row, version=self.version)
            for item_id, row in self._neighbour_rows(item_ids, kind)
        }

    def bought_together(self, item_id: str) -> list[Association]:
        """Return what the live model knows to be bought together with a product."""
        rows = self._neighbour_rows([item_id], "bought-together")
        return [
            partner
            for _, row in rows
            for partner in neighbours.unpack_bought_together(row, version=self.version)
        ]

    def _neighbour_rows(
        self, item_ids: Iterable[str], kind: Kind
    ) -> Iterable[tuple[str, NeighboursRow]]:
        for item_id in item_ids:
            row = self._rows.get(neighbours.get(item_id, kind=kind))
            if isinstance(row, NeighboursRow):
                yield item_id, row

    def ready_list(self, name: str) -> list[tuple[str, float]]:
        """Return a ready list, best first: the live one, or else that of the model."""
        return self._entries(name, LIVE) or self.trained_list(name)

    def trained_list(self, name: str) -> list[tuple[str, float]]:
        """Return a ready list of the model, best first."""
        return self._entries(name, self.version)

    def _entries(self, name: str, version: str) -> list[tuple[str, float]]:
        row = self._rows.get(Get(ListRow, name, version))
        return [tuple(entry) for entry in row.entries] if isinstance(row, ListRow) else []

    def is_checked(self, name: str) -> bool:
        """Tell whether what is in a list was found available in the present epoch."""
        row = self._rows.get(Get(ListRow, name, LIVE))
        return isinstance(row, ListRow) and bool(row.entries) and row.epoch == self.state.epoch
