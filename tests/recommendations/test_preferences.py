"""A shop's settings: their limits, and that they come back as they were stored."""

from typing import Any

import pytest

from core import audit
from core.validation import InvalidInputError, validate
from recommendations.engine.weights import DEFAULT_EVENT_WEIGHTS
from recommendations.models import ServingRow
from recommendations.preferences import EventWeights, Preferences
from recommendations.services import preferences
from recommendations.storage import serving


def test_a_shop_that_sets_nothing_has_the_weights_of_the_engine() -> None:
    assert Preferences().event_weights == DEFAULT_EVENT_WEIGHTS


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"weights": {"purchase": -1}}, "weights.purchase"),
        ({"weights": {"purchase": float("nan")}}, "weights.purchase"),
        ({"weights": {"purchase": 11}}, "weights.purchase"),
        ({"weights": {"dislike": 1}}, "weights"),
        ({"weights": dict.fromkeys(DEFAULT_EVENT_WEIGHTS, 0)}, "weights"),
        ({"weights": {"gift": 1}}, "weights.gift"),
        ({"half_life_days": 0}, "half_life_days"),
        ({"trending_days": 1.5}, "trending_days"),
        ({"attribution_days": 31}, "attribution_days"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(raw: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        validate(Preferences, raw)

    assert list(caught.value.details) == [field]


@pytest.mark.usefixtures("dynamodb")
def test_a_change_holds_for_the_next_request_and_is_audited() -> None:
    chosen = Preferences(weights=EventWeights(view=0.5), half_life_days=90.0, trending_days=7)

    assert preferences.find().number == 0
    first = preferences.change(preferences=chosen, by="ada")
    second = preferences.change(preferences=Preferences(), by="bob", replaces=first.number)

    assert (first.number, second.number) == (1, 2)
    assert serving.state().preferences == Preferences()
    assert serving.state().preferences_number == 2
    entry = audit.listing(limit=1).rows[0]
    assert (entry.by, entry.action) == ("bob", "preferences.change")
    assert entry.before["half_life_days"] == 90.0


@pytest.mark.usefixtures("dynamodb")
def test_a_change_never_undoes_one_that_was_not_seen() -> None:
    seen = preferences.find()
    preferences.change(preferences=Preferences(trending_days=7), by="ada", replaces=seen.number)

    with pytest.raises(preferences.PreferencesChangedError):
        preferences.change(preferences=Preferences(), by="bob", replaces=seen.number)

    assert preferences.find().preferences.trending_days == 7


@pytest.mark.usefixtures("dynamodb")
def test_settings_of_a_newer_release_do_not_stop_an_older_one() -> None:
    row = ServingRow(ServingRow.PK, ServingRow.SK)
    row.preferences = {"trending_days": 7, "of_tomorrow": True}
    row.save()

    assert serving.state().preferences == Preferences(trending_days=7)
