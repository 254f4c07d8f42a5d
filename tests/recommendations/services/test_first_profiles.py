"""Who was loaded before a stream is followed has a list at the first request."""

import pytest

from core.dynamodb.meter import metered
from recommendations.models import ProfileRow
from recommendations.services import events, first_profiles, profiles, recommend
from tests.recommendations.factories import event, store_model

pytestmark = pytest.mark.usefixtures("dynamodb")


def _digest(user_id: str) -> str:
    row = ProfileRow.load(user_id)
    assert row is not None
    return row.digest


def test_profiles_are_those_that_the_stream_would_make() -> None:
    users = [f"u{n}" for n in range(30)]
    events.record(
        events=[
            *(
                event(user, f"i{n % 7}", event_id=f"{n}", hours=n, kind="view")
                for n in range(9)
                for user in users
            ),
            event("u1", "bought", event_id="long ago", hours=-200),
            event("u1", "bad", event_id="long ago, too", hours=-201, kind="dislike"),
            *(event("u1", "x", event_id=f"v{n}", hours=-n, kind="view") for n in range(110)),
            event(None, "i1", session="s1"),
        ]
    )

    assert first_profiles.prepare() == len(users)
    prepared = {user: _digest(user) for user in users}
    for user in users:
        profiles.refresh(user_id=user)

    assert {user: _digest(user) for user in users} == prepared


def test_the_first_list_is_personal_in_three_round_trips() -> None:
    events.record(events=[event("ann", "tea")])
    first_profiles.prepare()
    store_model("v1", {"tea": [("cup", 0.9)]}, popular=["rug"])

    with metered() as meter:
        answer = recommend.serve(recommender="personal", user_id="ann", expand=True)

    assert [row.source for row in answer.results] == ["personal", "popular"]
    assert meter.round_trips == 3
