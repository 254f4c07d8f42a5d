"""A profile is a pure function of events and a model, and survives its stored form."""

import pytest

from recommendations.engine.packing import Neighbour, Neighbours
from recommendations.entities import Event
from recommendations.preferences import EventWeights, Preferences
from recommendations.profiles import (
    HEAD,
    Past,
    Profile,
    decode,
    decode_head,
    encode,
    encode_head,
    make,
    past_of,
    ready_list,
)
from tests.recommendations.factories import event


def past(*events: Event, **preferences: object) -> Past:
    newest = sorted(events, key=lambda each: each.timestamp, reverse=True)
    return past_of(newest, Preferences(**preferences))


def profile(*, items: int = 110) -> Profile:
    ids = [f"{n * 7919 % 90000 + 10000}{'ABCDE'[n % 5]}" for n in range(items + 160)]
    known = past(
        *(event("ann", ids[n], event_id=f"{536365 + n // 3}", hours=-n // 3) for n in range(items)),
        *(event("ann", *ids[:4], event_id=f"again-{n}", hours=-99 - n) for n in range(20)),
        event("ann", *ids[20:60], event_id="seen", kind="view"),
    )
    neighbours = {
        ids[n]: Neighbours.of(Neighbour(ids[m], 1 / (m - n + 2), 9) for m in range(n, n + 100))
        for n in range(items)
    }
    entries = ready_list(
        history=known.history, neighbours=neighbours, fallbacks=[], exclude=(), source="personal"
    )
    return make(user_id="ann", stamp="v1#0#0", past=known, entries=entries)


def test_the_stored_form_gives_the_same_profile_back() -> None:
    made = profile()

    found = decode(user_id="ann", stamp=made.stamp, packed=encode(made), digest=made.digest)

    assert found == made
    assert decode_head(encode_head(made)) == list(made.entries[:HEAD])
    assert len(found.past.repeats[0].purchases) == 20


def test_the_same_events_give_the_same_digest_and_others_another() -> None:
    assert profile().digest == profile().digest != profile(items=109).digest


def test_a_full_profile_costs_no_more_than_half_a_read_unit() -> None:
    made = profile()

    assert len(made.entries) == 100
    assert len(made.past.history) == 96
    assert len(encode(made)) + len(encode_head(made)) < 4096 - 200


def test_scores_fall_and_no_product_is_listed_twice() -> None:
    entries = profile().entries

    assert [entry.score for entry in entries] == sorted(
        (entry.score for entry in entries), reverse=True
    )
    assert len({entry.item_id for entry in entries}) == len(entries)


def test_events_weigh_what_the_shop_has_set_and_fade_as_it_has_set() -> None:
    events = [event("ann", "tea", kind="view"), event("ann", "cup", event_id="e-2", hours=240)]

    assert {row.item_id: row.weight for row in past(*events).history}["cup"] == 1
    heavy = past(*events, weights=EventWeights(view=1, purchase=0))
    assert [(row.item_id, row.weight) for row in heavy.history] == [("tea", 1)]
    faded = past(*events, weights=EventWeights(view=1), half_life_days=5)
    assert {row.item_id: row.weight for row in faded.history}["tea"] == pytest.approx(0.321928)


def test_products_bought_at_several_times_come_with_their_purchases() -> None:
    orders = [event("ann", "tea", "tea", "cup", event_id=f"e-{n}", hours=24 * n) for n in range(3)]
    split = event("ann", "pot", event_id="a"), event("ann", "pot", event_id="b")

    tea, cup = sorted(past(*orders, *split).repeats, key=lambda repeat: repeat.item_id)[::-1]

    assert (tea.item_id, cup.item_id) == ("tea", "cup")
    assert tea.score == pytest.approx(1.38629)
    assert [row.at[:10] for row in tea.purchases] == ["2026-11-03", "2026-11-02", "2026-11-01"]
    assert sum(row.weight for row in tea.purchases) == pytest.approx(1, abs=1e-5)


def test_what_was_looked_at_is_kept_newest_first() -> None:
    views = [event("ann", f"i{n}", event_id=f"e-{n}", hours=n, kind="view") for n in range(60)]

    viewed = past(*views, event("ann", "i3", event_id="c", hours=99, kind="click")).viewed

    assert viewed[:3] == ("i3", "i59", "i58")
    assert len(viewed) == 50
