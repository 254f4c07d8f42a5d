"""Which stored events depend on which clicks."""

from datetime import datetime, timedelta

import msgspec
import pytest
from django.conf import settings
from django.test import override_settings

from core.dynamodb.meter import metered
from recommendations.entities import Event
from recommendations.services import attribution, events
from recommendations.storage.windows import merged
from tests.recommendations.factories import START, event

WEEK = timedelta(days=7)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def names(found: list[Event]) -> set[str]:
    return {one.event_id for one in found}


def test_ids_are_ours_while_their_secret_is_kept() -> None:
    made = attribution.new_id(recommender="popular", placement="home", variant="b")

    with override_settings(SECRET_KEY="next", SECRET_KEY_FALLBACKS=[]):
        assert attribution.origin_of(made) is None
    with override_settings(SECRET_KEY="next", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert attribution.origin_of(made) is not None
    origin = attribution.origin_of(made)
    assert origin is not None
    assert (origin.placement, origin.variant, origin.recommender) == ("home", "b", "popular")


def test_spans_that_touch_or_overlap_become_one() -> None:
    spans = [(at(5), at(9)), (at(1), at(3)), (at(3), at(4)), (at(6), at(7))]

    assert merged(spans) == [(at(1), at(4)), (at(5), at(9))]


@pytest.mark.usefixtures("dynamodb")
def test_what_depends_on_a_click_and_what_clicks_it_depends_on() -> None:
    own = attribution.new_id(recommender="similar")
    carrying = event("ann", "tea", event_id="carries", hours=3)
    stored = [
        event("ann", "tea", event_id="long-ago", hours=-7 * 24 - 1, kind="click"),
        event("ann", "tea", event_id="week-ago", hours=-7 * 24, kind="click"),
        event("ann", "cup", event_id="same", hours=0, kind="click"),
        event("ann", "tea", event_id="seen", hours=0, kind="view"),
        event("ann", "tea", event_id="order", hours=0),
        event("ann", "tea", event_id="later", hours=1, kind="click"),
        event("ann", "tea", event_id="basket", hours=2, kind="cart"),
        msgspec.structs.replace(carrying, recommendation_id=own),
        event("bob", "tea", event_id="other", hours=0, kind="click"),
    ]
    events.record(events=stored)
    (order,) = [one for one in stored if one.event_id == "order"]

    with metered() as cost:
        before = attribution.clicks_before(actor="ann", events=[order], window=WEEK)
        after = attribution.followers(actor="ann", clicked_at=[at(-1), at(1)], window=WEEK)
    assert names(before) == {"week-ago", "same"}
    assert names(after) == {"order", "basket"}
    assert cost.round_trips == 2

    with metered() as cost:
        assert attribution.clicks_before(actor="ann", events=[stored[-2]], window=WEEK) == []
        assert attribution.followers(actor="ann", clicked_at=[], window=WEEK) == []
    assert cost.round_trips == 0
