"""What a person wants to know of a model version before trusting it, gathered from stored rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from recommendations.services import profiles, versions
from recommendations.services.versions import ModelVersion
from recommendations.storage import events, everyones_events, items, serving

_WATCHED_ITEMS = 100
_COMPARED = 10
_CHANGES = 12
_USERS = 6
_RECENT_EVENTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product as a person knows it."""

    item_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A product whose ten nearest neighbours differ; ``kept`` of them are the same."""

    product: Product
    kept: int
    before: tuple[Product, ...]
    after: tuple[Product, ...]

    @property
    def gone(self) -> tuple[Product, ...]:
        """Neighbours that it has no longer."""
        return tuple(product for product in self.before if product not in self.after)

    @property
    def new(self) -> tuple[Product, ...]:
        """Neighbours that it had not before."""
        return tuple(product for product in self.after if product not in self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleUser:
    """A user who was active lately: latest products, and the ten that each version would show."""

    user_id: str
    history: tuple[Product, ...]
    before: tuple[Product, ...]
    after: tuple[Product, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A version beside another.

    Attributes
    ----------
    against
        The live version, or for the live one itself the newest other; None when there is none.
    changes
        Among the 100 most popular products those whose neighbours changed most, most first.
    users
        The users of the newest events.
    """

    version: ModelVersion
    against: ModelVersion | None
    changes: tuple[Change, ...]
    users: tuple[SampleUser, ...]


class NoReportError(ValueError):
    """The version is unknown, or its rows are gone."""


def build(*, version: str) -> Report:
    """Gather the report of a version; the reads are bounded.

    Raises
    ------
    NoReportError
        When there is no such version, or it no longer can serve.
    """
    record = versions.find(version=version)
    if record is None:
        message = f"there is no model version {version}"
        raise NoReportError(message)
    if not record.is_publishable:
        message = f"model version {version} is {record.state}; its rows cannot be compared"
        raise NoReportError(message)
    against = _other(version)
    older = against.version if against else None
    watched = popular_items(version)
    after, before = _nearest(watched, version), _nearest(watched, older)
    people = [
        (user_id, _latest(user_id), _shown(user_id, older), _shown(user_id, version))
        for user_id in recent_users()
    ]
    names = _Names(
        [
            *watched,
            *(item for ids in [*before.values(), *after.values()] for item in ids),
            *(item for _, *lists in people for ids in lists for item in ids),
        ]
    )
    changes = [
        Change(
            product=names.of([item])[0],
            kept=len({*before[item]} & {*after[item]}),
            before=names.of(before[item]),
            after=names.of(after[item]),
        )
        for item in watched
        if older and {*before[item]} != {*after[item]}
    ]
    return Report(
        version=record,
        against=against,
        changes=tuple(sorted(changes, key=lambda change: change.kept)[:_CHANGES]),
        users=tuple(
            SampleUser(
                user_id=user_id,
                history=names.of(history),
                before=names.of(shown_before),
                after=names.of(shown_after),
            )
            for user_id, history, shown_before, shown_after in people
        ),
    )


def _other(version: str) -> ModelVersion | None:
    """Return the first of the retained versions, live one first, that is not this one."""
    return next((each for each in versions.retained() if each.version != version), None)


def popular_items(version: str) -> list[str]:
    """Return the items that are bought most, as a version knows them."""
    lists = serving.candidates(version=version, lists=["popular"]).lists
    return [item_id for item_id, _ in lists.get("popular", [])[:_WATCHED_ITEMS]]


def _nearest(item_ids: Sequence[str], version: str | None) -> dict[str, list[str]]:
    near = (
        serving.candidates(version=version, item_ids=item_ids).neighbours
        if version is not None
        else {}
    )
    return {item: [row.item_id for row in near.get(item, [])[:_COMPARED]] for item in item_ids}


def recent_users() -> list[str]:
    """Return the users of the newest events."""
    found = (event.user_id for event in everyones_events.recent(limit=_RECENT_EVENTS).rows)
    return list(dict.fromkeys(user_id for user_id in found if user_id is not None))[:_USERS]


def _latest(user_id: str) -> list[str]:
    lines = (line for event in events.history(actor=user_id, limit=5).rows for line in event.items)
    return list(dict.fromkeys(line.item_id for line in lines))[:_COMPARED]


def _shown(user_id: str, version: str | None) -> list[str]:
    profile = None if version is None else profiles.preview(user_id=user_id, version=version)
    return [] if profile is None else [entry.item_id for entry in profile.entries[:_COMPARED]]


class _Names:
    def __init__(self, item_ids: Iterable[str]) -> None:
        self._found = items.find(list(dict.fromkeys(item_ids)))

    def of(self, item_ids: Iterable[str]) -> tuple[Product, ...]:
        return tuple(
            Product(
                item_id=item_id,
                name=self._found[item_id].name if item_id in self._found else item_id,
            )
            for item_id in item_ids
        )
