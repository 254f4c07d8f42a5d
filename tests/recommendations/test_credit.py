"""Which recommendation an event is owed to."""

from datetime import timedelta

import msgspec
import pytest

from recommendations.attribution import Origin
from recommendations.credit import Place, credit
from recommendations.entities import Event
from tests.recommendations.factories import START, event

WEEK = timedelta(days=7)
ORIGINS = {
    "home-a": Origin(recommender="personal", placement="home", variant="a", made_at=START),
    "home-b": Origin(recommender="personal", placement="home", variant="b", made_at=START),
    "cart": Origin(recommender="bought_together", placement="cart", made_at=START),
    "plain": Origin(recommender="similar", made_at=START),
}


def origin_of(text: str | None) -> Origin | None:
    return ORIGINS.get(text or "")


def did(
    kind: str, *items: str, of: str | None = None, hours: float = 0, event_id: str = "e-1"
) -> Event:
    made = event("ann", *items, kind=kind, hours=hours, event_id=event_id)
    return msgspec.structs.replace(made, recommendation_id=of)


def owed(one: Event, *clicks: Event) -> dict[Place, list[str]]:
    found = credit(one, clicks=clicks, window=WEEK, origin_of=origin_of)
    return {place: [line.item_id for line in lines] for place, lines in found.items()}


@pytest.mark.parametrize("kind", ["impression", "click", "cart", "purchase"])
def test_an_event_with_an_id_belongs_to_that_answer_with_all_its_lines(kind: str) -> None:
    click = did("click", "tea", of="home-b", hours=-1)

    assert owed(did(kind, "tea", "cup", of="home-a"), click) == {Place("home", "a"): ["tea", "cup"]}


def test_answers_without_a_placement_are_told_apart_by_who_gave_them() -> None:
    assert owed(did("click", "tea", of="plain")) == {Place("direct", "similar"): ["tea"]}
    assert owed(did("click", "tea", of="cart")) == {Place("cart", ""): ["tea"]}


def test_each_line_of_an_order_is_owed_to_the_last_click_on_it() -> None:
    clicks = [
        did("click", "tea", of="home-a", hours=-3),
        did("click", "tea", of="cart", hours=-1),
        did("click", "cup", of="home-a", hours=-2),
        did("click", "pot", of="forged", hours=-1),
        did("view", "pot", of="home-a", hours=-1),
        did("click", "tea", of="home-b", hours=1),
    ]
    order = did("purchase", "tea", "cup", "pot", "jam", of="forged")

    expected = {Place("cart", ""): ["tea"], Place("home", "a"): ["cup"]}
    assert owed(order, *clicks) == owed(order, *clicks[::-1]) == expected


def test_of_two_clicks_at_the_same_moment_the_larger_id_counts() -> None:
    clicks = [
        did("click", "tea", of="home-a", event_id="x-2"),
        did("click", "tea", of="home-b", event_id="x-1"),
    ]

    assert owed(did("cart", "tea"), *clicks) == {Place("home", "a"): ["tea"]}
    assert owed(did("cart", "tea"), *clicks[::-1]) == {Place("home", "a"): ["tea"]}


def test_the_window_includes_both_ends_and_no_more() -> None:
    order = did("purchase", "tea")

    assert owed(order, did("click", "tea", of="cart", hours=-7 * 24))
    assert owed(order, did("click", "tea", of="cart"))
    assert not owed(order, did("click", "tea", of="cart", hours=-7 * 24 - 0.001))
    assert not owed(order, did("click", "tea", of="cart", hours=0.001))


@pytest.mark.parametrize("kind", ["view", "like", "dislike"])
def test_other_events_are_owed_to_nobody(kind: str) -> None:
    assert not owed(did(kind, "tea", of="home-a"), did("click", "tea", of="home-a"))


@pytest.mark.parametrize("kind", ["impression", "click"])
def test_what_is_shown_or_clicked_does_not_follow_a_click(kind: str) -> None:
    assert not owed(did(kind, "tea", of="forged"), did("click", "tea", of="home-a", hours=-1))
