"""What a request for recommendations reads: profile, live version, neighbours, lists."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.dynamodb.batch import Get, Put, read_batch
from core.dynamodb.conditions import save_if
from core.validation import validate
from recommendations.engine.associations import Association
from recommendations.engine.packing import Neighbour, Neighbours
from recommendations.models import ListRow, NeighboursRow, ProfileRow, ServingRow
from recommendations.preferences import Preferences
from recommendations.profiles import Entry, Profile, decode, decode_head, encode, encode_head
from recommendations.storage import neighbours
from recommendations.storage.neighbours import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingState:
    """What holds for every request: the live model version, the items to leave out, the settings.

    Attributes
    ----------
    hidden
        The products that were hidden since the epoch began.
    epoch
        Grows when more products were hidden than the row has room for. What was computed before
        must be computed anew, and compared with the catalogue.
    preferences_number
        Grows with each change of the preferences; 0 while nobody has set any.
    generations
        Which rows of counters there are to keep: those that are read, first, and while a rebuild
        runs those that it makes.
    """

    live_version: str | None = None
    hidden: frozenset[str] = frozenset()
    epoch: int = 0
    preferences: Preferences = field(default_factory=Preferences)
    preferences_number: int = 0
    generations: tuple[int, ...] = (1,)

    @property
    def stamp(self) -> str:
        """Return what a profile depends on besides events; the same for what is still good."""
        return f"{self.live_version or ''}#{self.epoch}#{self.preferences_number}"

    def has_settings_of(self, stamp: str) -> bool:
        """Tell whether a stamp is of the present settings, whatever else it is of."""
        return stamp.rpartition("#")[2] == str(self.preferences_number)

    @property
    def names_all_hidden(self) -> bool:
        """Tell whether ``hidden`` names every hidden product there is."""
        return self.epoch == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Neighbours of one kind and ready lists, of one model version.

    Attributes
    ----------
    neighbours
        By item. Those of the kind ``bought-together`` have the association's score as weight.
    lists
        By name.
    associations
        By item, with confidence and lift; only of the kind ``bought-together``.
    """

    neighbours: Mapping[str, Neighbours]
    lists: Mapping[str, list[tuple[str, float]]]
    associations: Mapping[str, list[Association]] = field(default_factory=dict)


def state_of(row: object) -> ServingState:
    """Turn the stored row into what holds for every request; the defaults without one."""
    if not isinstance(row, ServingRow):
        return ServingState()
    live = int(row.generation or 1)
    return ServingState(
        live_version=row.live_version,
        hidden=frozenset(row.hidden or ()),
        epoch=int(row.epoch or 0),
        preferences=Preferences() if row.preferences is None else _preferences(row.preferences),
        preferences_number=int(row.preferences_number or 0),
        generations=(live,) if row.rebuilding is None else (live, int(row.rebuilding)),
    )


def _preferences(stored: Mapping[str, Any]) -> Preferences:
    # What an earlier or later release has set besides must not keep this one from answering.
    known = {name: value for name, value in stored.items() if name in Preferences.__struct_fields__}
    return validate(Preferences, known)


def state(*, consistent: bool = False) -> ServingState:
    """Return what holds for every request."""
    return state_of(ServingRow.load(ServingRow.PK, ServingRow.SK, consistent=consistent))


def state_and_profile(
    *, user_id: str, consistent: bool = False
) -> tuple[ServingState, Profile | None]:
    """Return the serving state and a user's stored profile in one round trip."""
    serving, profile = read_batch(
        [Get(ServingRow, ServingRow.PK, ServingRow.SK), Get(ProfileRow, user_id)],
        consistent=consistent,
    )
    return state_of(serving), profile_of(profile)


def profile_of(row: object) -> Profile | None:
    """Turn a stored row into a profile; None without one."""
    if not isinstance(row, ProfileRow):
        return None
    if not row.packed:
        # Of an earlier release: all that it says is what is to be replaced.
        return Profile(user_id=row.user_id, digest=row.digest)
    return decode(user_id=row.user_id, stamp=row.stamp, packed=row.packed, digest=row.digest)


def head_of(row: object, *, stamp: str) -> list[Entry]:
    """Return the first entries of a stored profile if it has this stamp; else none."""
    if not isinstance(row, ProfileRow) or row.stamp != stamp or row.head is None:
        return []
    return decode_head(row.head)


def profiles(user_ids: Sequence[str]) -> list[Profile]:
    """Return those stored profiles of users that there are, in one round trip per 100."""
    rows = read_batch([Get(ProfileRow, user_id) for user_id in user_ids])
    return [profile for row in rows if (profile := profile_of(row)) is not None]


def save_profile(profile: Profile, *, replaces: str | None) -> bool:
    """Write a profile if the stored one is still the one with the digest ``replaces``.

    Returns
    -------
    bool
        False when somebody else has written it meanwhile: read again and compute anew.
    """
    row = _profile_row(profile)
    unchanged = (
        ProfileRow.digest.does_not_exist() if replaces is None else ProfileRow.digest == replaces
    )
    return save_if(row, unchanged)


def profile_put(profile: Profile) -> Put:
    """Return the write of a profile on no condition, for a batch."""
    return Put(_profile_row(profile))


def _profile_row(profile: Profile) -> ProfileRow:
    return ProfileRow(
        profile.user_id,
        stamp=profile.stamp,
        packed=encode(profile),
        head=encode_head(profile),
        digest=profile.digest,
    )


def delete_profile(*, user_id: str) -> bool:
    """Remove a user's profile; tell whether there was one."""
    if ProfileRow.load(user_id, consistent=True) is None:
        return False
    ProfileRow(user_id).delete()
    return True


def candidates(
    *,
    version: str,
    item_ids: Collection[str] = (),
    lists: Collection[str] = (),
    kind: Kind = "similar",
    consistent: bool = False,
) -> Candidates:
    """Return the neighbours of items, and ready lists, in one round trip per 100 rows."""
    ids = list(dict.fromkeys(item_ids))
    names = list(dict.fromkeys(lists))
    rows = read_batch(
        [
            *(neighbours.get(item_id, kind=kind) for item_id in ids),
            *(Get(ListRow, name, version) for name in names),
        ],
        consistent=consistent,
    )
    near = {
        item_id: row
        for item_id, row in zip(ids, rows[: len(ids)], strict=True)
        if isinstance(row, NeighboursRow)
    }
    ready = {
        name: [(item_id, score) for item_id, score in row.entries]
        for name, row in zip(names, rows[len(ids) :], strict=True)
        if isinstance(row, ListRow)
    }
    if kind != "bought-together":
        found = {item_id: neighbours.unpack(row, version=version) for item_id, row in near.items()}
        return Candidates(neighbours=found, lists=ready)
    associations = {
        item_id: neighbours.unpack_bought_together(row, version=version)
        for item_id, row in near.items()
    }
    weighted = {
        item_id: Neighbours.of(Neighbour(*each[:3]) for each in row)
        for item_id, row in associations.items()
    }
    return Candidates(neighbours=weighted, lists=ready, associations=associations)
