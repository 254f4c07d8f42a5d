from __future__ import annotations

import numpy as np
import pytest

from recommendations.engine.weights import DEFAULT_EVENT_WEIGHTS, decay, event_weight


def test_every_event_type_has_a_weight():
    assert set(DEFAULT_EVENT_WEIGHTS) == {
        "purchase", "cart", "view", "like", "dislike", "impression", "click",
    }  # fmt: skip


@pytest.mark.parametrize("event_type", ["dislike", "impression"])
def test_what_is_no_sign_of_interest_weighs_nothing(event_type):
    assert event_weight(event_type) == 0.0


def test_a_purchase_weighs_most():
    assert max(DEFAULT_EVENT_WEIGHTS, key=DEFAULT_EVENT_WEIGHTS.get) == "purchase"


def test_an_unknown_type_is_an_error():
    with pytest.raises(ValueError, match="gift"):
        event_weight("gift")


def test_decay_halves_at_the_half_life_and_treats_the_future_as_now():
    day = 86_400.0
    factors = decay(np.array([0.0, 10 * day, 20 * day]), now=10 * day, half_life_days=10.0)
    np.testing.assert_allclose(factors, [0.5, 1.0, 1.0])


def test_an_infinite_half_life_switches_decay_off():
    assert decay(np.array([0.0]), now=1e9, half_life_days=float("inf")).tolist() == [1.0]
