"""After a publish those who were here lately find new lists, others when they come back."""

from datetime import UTC, datetime, timedelta

import pytest

from recommendations import jobs
from recommendations.entities import Event, Line
from recommendations.services import events, profiles
from recommendations.training import Timing
from recommendations.training.refreshing import refresh_profiles

pytestmark = pytest.mark.usefixtures("dynamodb")


def bought(actor: str, item: str, *, days_ago: float) -> Event:
    session = actor.removeprefix("session-") if actor.startswith("session-") else None
    return Event(
        event_id=item,
        timestamp=datetime.now(UTC) - timedelta(days=days_ago),
        type="purchase",
        items=(Line(item),),
        user_id=None if session else actor,
        session_id=session,
    )


@pytest.fixture(autouse=True)
def _orders() -> None:
    events.record(
        events=[
            bought(f"{when}-{n}", item, days_ago=days + later)
            for when, days in (("late", 1.0), ("early", 30.0), ("session", 1.0))
            for n in range(8)
            for item, later in (("tea", 2.0), ("cup", 0.5))
        ]
    )


def test_profiles_of_recently_active_customers_are_made_with_the_new_model() -> None:
    result = jobs.train()

    everybody = [f"{when}-{n}" for when in ("late", "early") for n in range(8)]
    found = profiles.stored(user_ids=everybody)
    assert result["profiles_refreshed"] == 8
    assert {profile.user_id for profile in found} == {f"late-{n}" for n in range(8)}
    for profile in found:
        before = profile.digest
        refreshed = profiles.refresh(user_id=profile.user_id).profile
        assert refreshed is not None
        assert refreshed.digest == before, "the first visit need not make it again"


def test_refreshing_stops_before_the_deadline_and_its_failures_stop_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    users = [f"late-{n}" for n in range(8)]
    assert refresh_profiles(users, timing=Timing(deadline=9.0, clock=lambda: 0.0)) == 0

    def fail(*, user_id: str) -> None:
        raise profiles.ContendedProfileError(user_id)

    monkeypatch.setattr(profiles, "refresh", fail)
    assert refresh_profiles(users, timing=Timing()) == 0
