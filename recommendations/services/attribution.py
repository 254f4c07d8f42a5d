"""Recommendation ids under this deployment's secret, and what events have to do with each other."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from django.conf import settings

from recommendations.attribution import Origin, make_id, read_id
from recommendations.credit import FOLLOWERS
from recommendations.entities import Event
from recommendations.storage import windows


def new_id(*, recommender: str, placement: str = "", variant: str = "") -> str:
    """Return the id of an answer that is being given now."""
    origin = Origin(
        recommender=recommender,
        placement=placement,
        variant=variant,
        made_at=datetime.now(UTC),
    )
    return make_id(origin, secret=settings.SECRET_KEY)


def origin_of(recommendation_id: str | None) -> Origin | None:
    """Return what an answer was for, or None for an id that is not ours."""
    return read_id(recommendation_id, secrets=(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


def clicks_before(*, actor: str, events: Collection[Event], window: timedelta) -> Sequence[Event]:
    """Return at least the clicks that events of one user or session may be owed to.

    No round trip when none of the events can be owed to a click, and usually one otherwise.
    """
    open_ones = [event for event in events if _depends_on_clicks(event)]
    spans = [(event.timestamp - window, event.timestamp) for event in open_ones]
    return windows.find(actor=actor, spans=spans, kinds=("click",))


def followers(*, actor: str, clicked_at: Iterable[datetime], window: timedelta) -> Sequence[Event]:
    """Return the carts and purchases of a user or session that clicks may have led to.

    They must be counted again when such a click is new, corrected or withdrawn.
    """
    spans = [(moment, moment + window) for moment in clicked_at]
    found = windows.find(actor=actor, spans=spans, kinds=FOLLOWERS)
    return [event for event in found if _depends_on_clicks(event)]


def _depends_on_clicks(event: Event) -> bool:
    return event.type in FOLLOWERS and origin_of(event.recommendation_id) is None
