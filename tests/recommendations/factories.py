"""Short ways to make what the tests are about."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from recommendations.engine.associations import Association
from recommendations.engine.packing import Neighbour
from recommendations.entities import Event, Line
from recommendations.services import events, profiles
from recommendations.storage import neighbours as neighbours_storage
from recommendations.storage import versions
from recommendations.storage.versions import ModelVersion

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


def event(
    user: str | None,
    *items: str,
    event_id: str = "e-1",
    hours: float = 0,
    kind: str = "purchase",
    session: str | None = None,
) -> Event:
    """Return an event of one line per item, so many hours after the start."""
    return Event(
        event_id=event_id,
        timestamp=START + timedelta(hours=hours),
        type=kind,
        items=tuple(Line(item) for item in items),
        user_id=user,
        session_id=session,
    )


def happen(*happened: Event) -> None:
    """Store events, and keep the lists of their users in step, as the stream does."""
    events.record(events=happened)
    for user in {each.user_id for each in happened}:
        profiles.refresh(user_id=user)


def store_model(
    version: str,
    neighbours: dict[str, list[tuple[str, float]]],
    *,
    popular: Iterable[str] = (),
    trending: Iterable[str] = (),
    following: dict[str, list[tuple[str, float]]] | None = None,
    baskets: dict[str, list[Association]] | None = None,
    retained: Iterable[str] = (),
    publish: bool = True,
) -> None:
    """Store a complete model version beside the retained ones, and make it live."""
    neighbours_storage.save(
        version=version,
        retained=retained,
        kind="next",
        rows=[
            (item, [Neighbour(other, weight, 2) for other, weight in near])
            for item, near in (following or {}).items()
        ],
    )
    neighbours_storage.save(
        version=version, retained=retained, kind="bought-together", rows=(baskets or {}).items()
    )
    neighbours_storage.save(
        version=version,
        retained=retained,
        rows=[
            (item, [Neighbour(other, weight, 3) for other, weight in near])
            for item, near in neighbours.items()
        ],
    )
    store_lists(version, popular=popular, trending=trending)
    versions.save(ModelVersion(version=version, created_at="2026-11-01T00:00:00Z", state="ready"))
    if publish:
        assert versions.switch(to=version, expected=versions.live(consistent=True))


def store_lists(version: str, **lists: Iterable[str]) -> None:
    """Store ready lists by name, those of a model or, as version ``live``, those without one."""
    versions.save_lists(
        version=version,
        lists=[
            (name, [(item, float(100 - place)) for place, item in enumerate(items)])
            for name, items in lists.items()
        ],
    )
