from __future__ import annotations

import json

import numpy as np
import pytest

from recommendations.engine import tune as tuning
from recommendations.engine.evaluate import new_items, temporal_split
from recommendations.engine.interactions import InteractionsBuilder
from recommendations.engine.models import ItemNeighbours
from recommendations.engine.tune import tune

MODEL = ItemNeighbours(threads=1, k=20)


class Clock:
    """Every look takes a second."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        self.seconds += 1.0
        return self.seconds


@pytest.fixture(scope="module")
def tuned(shop):
    return tune(shop, model=MODEL, budget=1e9)


def test_the_first_trial_is_the_model_as_it_is(tuned):
    assert tuned.trials[0].changes == {}
    assert len(tuned.trials) > 10


def test_no_parameters_are_tried_twice(tuned):
    settings = [tuple(sorted({**MODEL.get_params(), **t.changes}.items())) for t in tuned.trials]
    assert len(set(settings)) == len(settings)


def test_what_is_chosen_was_tried_is_better_by_the_margin_and_fits(tuned, shop):
    scores = {tuple(sorted(trial.changes.items())): trial.score for trial in tuned.trials}
    if tuned.changes:
        assert scores[tuple(sorted(tuned.changes.items()))] > 1.01 * tuned.trials[0].score
    MODEL.clone(**tuned.changes).fit(shop, now=0.0)
    json.dumps(tuned.as_dict())


def test_defaults_stay_unless_the_winner_is_better_by_the_margin(shop):
    assert tune(shop, model=MODEL, budget=1e9, margin=10.0).changes == {}


def test_the_budget_ends_the_trials_and_the_own_parameters_always_run(shop):
    assert len(tune(shop, model=MODEL, budget=0.0, clock=Clock()).trials) == 1
    short = tune(shop, model=MODEL, budget=12.0, clock=Clock())
    assert 1 < len(short.trials) < 6


def test_a_trial_scores_what_a_fresh_fit_scores(shop, tuned):
    again = tune(shop, model=MODEL.clone(**tuned.trials[-1].changes), budget=0.0)
    assert again.trials[0].score == tuned.trials[-1].score


def test_trials_are_measured_on_two_stretches_of_time(shop, tuned):
    train, test = temporal_split(shop, holdout_share=tuning.HOLDOUT_SHARE)
    users = 0
    for before, after in ((train, test), temporal_split(train, holdout_share=0.1)):
        users += int((np.diff(new_items(before, after).indptr) > 0).sum())
    assert tuned.users == users


def test_catalogues_of_many_items_are_tuned_on_one(shop, tuned, monkeypatch):
    monkeypatch.setattr(tuning, "MAX_ITEMS", 10)
    assert 0 < tune(shop, model=MODEL, budget=0.0).users < tuned.users


def test_large_shops_are_tuned_on_a_sample_of_users(shop, monkeypatch):
    monkeypatch.setattr(tuning, "MAX_EVENTS", 700)
    assert 0 < tune(shop, model=MODEL, budget=0.0).users < 80


def test_no_data_keeps_the_parameters():
    tuned = tune(InteractionsBuilder().build(), model=MODEL, budget=100.0)
    assert tuned.changes == {}
    assert tuned.users == 0
