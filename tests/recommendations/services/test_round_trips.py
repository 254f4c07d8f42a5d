"""No list takes more than three round trips, whatever is known of the user, nor shows what is gone.

A profile is stale when it was made with another model, in another epoch or under other settings.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from core.dynamodb.errors import BatchIncompleteError
from core.dynamodb.meter import metered
from recommendations.engine.associations import Association
from recommendations.entities import Item
from recommendations.models import ProfileRow
from recommendations.preferences import EventWeights, Preferences
from recommendations.rules import Cap, Filters, Pin, Rules, Terms
from recommendations.services import catalogue, events, preferences, profiles, recommend
from recommendations.services.recommend import batch
from recommendations.storage import lists as live_lists
from recommendations.storage import serving
from tests.recommendations.factories import event, happen, store_model

pytestmark = pytest.mark.usefixtures("dynamodb")

NAMES = [f"i{n:03}" for n in range(300)]
THIRD = [Filters(categories=Terms(any_of=("third",)))]
RULES = Rules(cap=(Cap(by="category", most=2),), pin=(Pin(item_id="i298", position=1),))
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "long": {"limit": 100},
    "filters": {"filters": THIRD},
    "all there is": {"filters": THIRD, "explain": True, "expand": True, "limit": 100},
    "rules and reasons": {"rules": RULES, "explain": True},
    "what was bought": {"exclude_purchased": False, "explain": True},
    "other fallbacks": {"fallbacks": ("latest", "similar", "personal", "session")},
}


def _ids(answer: recommend.Answer) -> list[str]:
    return [row.item_id for row in answer.results]


# The stamp of ann's profile, with the epoch that is in force; None for a profile not stored yet.
STATES = {
    "fresh": "v1#{}#0",
    "of another model and epoch": "v0#99#0",
    "under other settings": "v1#{}#9",
    "not stored yet": None,
}


@pytest.fixture
def _history(dynamodb: None) -> None:
    """A user who did as much as is ever read, and a model that knows it."""
    done = [f"old{n}" for n in range(110)]
    near = {item: [(name, 0.9) for name in NAMES[:90]] for item in done}
    store_model(
        "v1",
        near,
        popular=NAMES[:200],
        trending=NAMES[100:],
        following={"old1": [(name, 0.5) for name in NAMES[90:180]]},
        baskets={"old0": [Association(name, 0.5, 2, 0.1, 1.0) for name in NAMES[:90]]},
    )
    lines = [
        event("ann", *done[at : at + 11], event_id=f"{at}", hours=at)
        for at in (*range(0, 110, 11),)
    ]
    happen(
        *lines,
        event("ann", *done[:5], event_id="again", hours=200),
        event("ann", *NAMES[:40], event_id="seen", hours=201, kind="view"),
    )


def _another_model(near: dict[str, list[tuple[str, float]]], **lists: Any) -> None:
    """Let a model be live that knows nothing else."""
    forgotten: dict[str, list[tuple[str, float]]] = {f"old{n}": [] for n in range(110)}
    store_model("v2", forgotten | near, retained=["v1"], **lists)


def _save_catalogue(*, gone: bool) -> None:
    catalogue.save(
        items=[
            Item(
                item_id=name,
                name=name,
                categories=("all", "third" if n % 3 == 0 else "other"),
                available=not gone or n % 2 == 0,
            )
            for n, name in enumerate(NAMES)
        ]
    )


def _calls() -> Iterator[tuple[str, Callable[[], recommend.Answer]]]:
    for recommender in recommend.RECOMMENDERS:
        # The others make nothing of the profile but what they leave out.
        personal = recommender in {"personal", "buy_again", "recently_viewed"}
        names = OPTIONS if personal else ("all there is", "other fallbacks")
        for name in names:
            options = OPTIONS[name]
            yield (
                f"{recommender}, {name}",
                lambda recommender=recommender, options=options: recommend.serve(
                    recommender=recommender, user_id="ann", item_ids=["old0", "old1"], **options
                ),
            )
    for expand in (False, True):
        yield (
            "rank",
            lambda expand=expand: recommend.rank(
                user_id="ann", item_ids=NAMES[:100], explain=True, expand=expand
            ),
        )


@pytest.mark.parametrize("gone", [False, True], ids=["first epoch", "later epoch"])
@pytest.mark.usefixtures("_history")
def test_no_list_takes_more_than_three_round_trips(*, gone: bool) -> None:
    _save_catalogue(gone=gone)
    in_force = serving.state()
    assert in_force.names_all_hidden is not gone
    profiles.refresh(user_id="ann")
    row = ProfileRow.load("ann")
    for (state, stamp), (name, call) in product(STATES.items(), _calls()):
        if stamp is None:
            row.delete()
        else:
            row.stamp = stamp.format(in_force.epoch)
            row.save()

        with metered() as meter:
            answer = call()

        assert meter.round_trips <= 3, (state, name)
        found = _ids(answer)
        assert found, (state, name)
        assert len(found) == len(set(found)), (state, name)
        if gone and name != "rank":
            numbers = [int(each[1:]) for each in found if each in NAMES]
            assert all(number % 2 == 0 for number in numbers), (state, name)


@pytest.mark.usefixtures("_history")
def test_a_stale_profile_gives_the_list_that_a_fresh_one_does_and_is_stored_at_once() -> None:
    _another_model({"old1": [("i200", 0.5), ("i201", 0.4)]}, popular=["i250"])
    before = ProfileRow.load("ann")

    with metered() as first:
        stale = recommend.serve(recommender="personal", user_id="ann", limit=3)
    with metered() as second:
        again = recommend.serve(recommender="personal", user_id="ann", limit=3)
    stored = ProfileRow.load("ann")
    profiles.refresh(user_id="ann")
    computed = ProfileRow.load("ann")

    assert _ids(stale) == _ids(again) == ["i200", "i201", "i250"]
    assert (first.round_trips, second.round_trips) == (3, 1)
    assert before.digest != stored.digest
    assert stored.serialize() == computed.serialize()


@pytest.mark.usefixtures("_history")
def test_who_computes_from_a_past_that_is_over_stores_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _another_model({"old1": [("i200", 0.5)]})
    keep = profiles.keep

    def keep_late(*arguments: Any, **options: Any) -> None:
        happen(event("ann", "i200", event_id="meanwhile", hours=300))
        keep(*arguments, **options)

    monkeypatch.setattr(profiles, "keep", keep_late)
    assert _ids(recommend.serve(recommender="personal", user_id="ann")) == ["i200"]
    monkeypatch.undo()

    assert _ids(recommend.serve(recommender="personal", user_id="ann")) == []


@pytest.mark.usefixtures("_history")
def test_other_settings_hold_at_once_where_the_events_can_be_read() -> None:
    # Of what was only looked at the model says something else.
    _another_model({"old1": [("a", 0.5)], "i000": [("b", 0.5)]})
    catalogue.save(items=[Item(item_id=item_id, name=item_id) for item_id in ("a", "b")])
    preferences.change(
        preferences=Preferences(weights=EventWeights(purchase=0, view=1)), by="tests"
    )
    cheap = [Filters(labels=Terms(none_of=("dear",)))]

    plain = recommend.serve(recommender="personal", user_id="ann")
    filtered = recommend.serve(recommender="personal", user_id="ann", filters=cheap)
    profiles.refresh(user_id="ann")
    later = recommend.serve(recommender="personal", user_id="ann", filters=cheap)

    assert (_ids(plain), _ids(filtered), _ids(later)) == (["b"], ["a"], ["b"])


def test_who_has_no_profile_yet_is_looked_for_where_a_round_trip_is_to_spare() -> None:
    store_model("v1", {"tea": [("cup", 0.9)]}, popular=["rug"])
    live_lists.save({"popular": [("rug", 1.0)], "trending": []}, epoch=0)
    catalogue.save(items=[Item(item_id=item_id, name=item_id) for item_id in ("cup", "rug")])
    events.record(events=[event("ann", "tea")])
    cheap = [Filters(labels=Terms(none_of=("dear",)))]

    plain = recommend.serve(recommender="personal", user_id="ann")
    filtered = recommend.serve(recommender="personal", user_id="ann", filters=cheap)
    profiles.refresh(user_id="ann")
    later = recommend.serve(recommender="personal", user_id="ann", filters=cheap)

    assert (_ids(plain), _ids(filtered), _ids(later)) == (["cup", "rug"], ["rug"], ["cup", "rug"])


@pytest.mark.usefixtures("_history")
def test_lists_for_many_users_read_together_what_stale_profiles_need() -> None:
    users = [f"u{n}" for n in range(30)]
    happen(*(event(user, f"old{n}", f"old{n + 1}") for n, user in enumerate(users)))
    with metered() as fresh:
        recommend.for_users(user_ids=users, limit=5)
    _another_model({f"old{n}": [("i200", 0.5), ("i201", 0.4)] for n in range(40)})

    with metered() as stale:
        found = recommend.for_users(user_ids=users, limit=2)

    assert all(row.answer and _ids(row.answer) == ["i200", "i201"] for row in found)
    assert fresh.round_trips == 1
    # The profiles, then all neighbours; each profile is stored on a condition of its own.
    assert stale.round_trips == 2 + len(users)
    with metered() as again:
        recommend.for_users(user_ids=users, limit=2)
    assert again.round_trips == 1


@pytest.mark.usefixtures("_history")
def test_a_user_of_many_for_whom_dynamodb_is_too_busy_costs_no_other_who_was_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve = batch.serve

    def busy(*, user_id: str, **options: Any) -> recommend.Answer:
        if user_id == "bob":
            raise BatchIncompleteError([user_id])
        return serve(user_id=user_id, **options)

    monkeypatch.setattr(batch, "_THREADS", 1)
    monkeypatch.setattr(batch, "serve", busy)
    ann, bob, last = recommend.for_users(user_ids=["ann", "bob", "last"], limit=2)

    assert ann.answer is not None
    assert (bob.answer, last.answer) == (None, None)
