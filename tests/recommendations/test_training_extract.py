"""What an event is worth to training is what the shop has set, and enters at one place."""

import numpy as np
import pytest

from recommendations.entities import Item
from recommendations.preferences import EventWeights, Preferences
from recommendations.services import catalogue, events
from recommendations.storage import learning
from recommendations.training.catalogue import read_catalogue
from recommendations.training.extract import extract
from tests.recommendations.factories import START, event

pytestmark = pytest.mark.usefixtures("dynamodb")

DAY = 24.0


def worth(preferences: Preferences) -> dict[tuple[str, str], float]:
    found = extract(preferences=preferences).interactions
    return {
        (found.user_ids[user], found.item_ids[item]): round(float(weight), 6)
        for user, item, weight in zip(found.users, found.items, found.weights, strict=True)
    }


def test_weights_are_those_of_the_shop_and_fade_if_it_says_so() -> None:
    events.record(
        events=[
            event("ann", "tea", "cup", hours=0),
            event("ann", "pot", kind="view", event_id="v", hours=20 * DAY),
            event("bob", "tea", kind="like", hours=10 * DAY + 3),
        ]
    )

    assert worth(Preferences()) == {
        ("ann", "tea"): 1.0,
        ("ann", "cup"): 1.0,
        ("ann", "pot"): 0.2,
        ("bob", "tea"): 0.7,
    }
    changed = Preferences(weights=EventWeights(view=0, like=4), half_life_days=5)
    # The newest event that counts is ten days younger than the order.
    assert worth(changed) == {("ann", "tea"): 0.25, ("ann", "cup"): 0.25, ("bob", "tea"): 4.0}


def test_fading_costs_an_event_two_bytes_and_no_weight_a_digit() -> None:
    sent = [
        event("ann", "tea", kind=("purchase", "view", "like")[n % 3], event_id=str(n), hours=n)
        for n in range(250)
    ]
    events.record(events=sent)

    found = extract(preferences=Preferences(half_life_days=3)).interactions

    weights = Preferences().event_weights
    newest = sent[-1].timestamp
    expected = [weights[each.type] * 0.5 ** ((newest - each.timestamp).days / 3) for each in sent]
    assert np.sort(found.weights) == pytest.approx(sorted(expected), rel=1e-12)
    assert found.weight_codes.itemsize <= 2


def test_an_order_is_one_basket_and_nothing_else_is() -> None:
    events.record(
        events=[
            event("ann", "tea", "cup", event_id="a"),
            event("ann", "pot", event_id="b", hours=1),
            event("ann", "tea", "pot", kind="view", event_id="c", hours=2),
        ]
    )

    found = extract(preferences=Preferences()).interactions

    baskets: dict[int, set[str]] = {}
    for item, basket in zip(found.items, found.baskets, strict=True):
        baskets.setdefault(int(basket), set()).add(found.item_ids[item])
    assert sorted(map(sorted, (baskets[code] for code in baskets if code >= 0))) == [
        ["cup", "tea"],
        ["pot"],
    ]
    assert baskets[-1] == {"tea", "pot"}


def test_the_scan_goes_on_page_by_page() -> None:
    long = [f"item-{n:03}-{'x' * 110}" for n in range(500)]
    events.record(events=[event(f"u{n}", *long, hours=n) for n in range(30)])

    signals = list(learning.signals())

    assert {signal.actor for signal in signals} == {f"u{n}" for n in range(30)}
    assert all(signal.item_ids == long for signal in signals)
    assert min(signal.time for signal in signals) == START.timestamp()


def test_the_catalogue_knows_what_is_hidden_and_what_will_not_come_back() -> None:
    catalogue.save(
        items=[
            Item(item_id="tea", name="Tea", categories=("Drinks",), labels=("new",)),
            Item(item_id="cup", name="Cup", available=False),
            Item(item_id="pot", name="Pot"),
        ]
    )
    catalogue.delete(item_id="pot")

    found = read_catalogue()

    assert found.texts.keys() == {"tea", "cup"}
    assert (found.texts["tea"].categories, found.texts["tea"].labels) == (("Drinks",), ("new",))
    assert (found.hidden, found.deleted) == ({"cup", "pot"}, {"pot"})
