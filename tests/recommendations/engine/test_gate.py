from __future__ import annotations

from dataclasses import replace

import pytest

from recommendations.engine.evaluate import evaluate
from recommendations.engine.gate import decide
from recommendations.engine.interactions import InteractionsBuilder
from recommendations.engine.models import ItemNeighbours, Popular


def evaluation(*, users=500, differences=None, **values):
    return replace(
        evaluate(InteractionsBuilder().build(), model=Popular()),
        users=users,
        metrics={name: {"ndcg@20": value} for name, value in values.items()},
        differences={name: {"ndcg@20": pair} for name, pair in (differences or {}).items()},
    )


@pytest.mark.parametrize(
    ("difference", "publish"),
    [((-0.02, -0.01), False), ((-0.02, 0.001), True), ((0.01, 0.02), True)],
)
def test_worse_than_the_live_model_beyond_the_interval_is_stopped(difference, publish):
    decision = decide(evaluation(model=0.1, live=0.11, differences={"live": difference}))
    assert decision.publish is publish
    assert "live model" in decision.reasons[0]


@pytest.mark.parametrize("rival", ["trending", "cosine"])
@pytest.mark.parametrize(("value", "publish"), [(0.0979, False), (0.0981, True)])
def test_a_model_below_the_floor_of_a_simple_list_is_stopped(rival, value, publish):
    decision = decide(evaluation(model=value, **{rival: 0.1}))
    assert decision.publish is publish
    assert rival in decision.reasons[0]
    assert decision.below_floor == (() if publish else (rival,))


def test_the_first_model_of_a_shop_is_published():
    assert decide(evaluation(model=0.1)).reasons == ("there is no live model to compare with",)


def test_too_few_users_stop_nothing():
    decision = decide(evaluation(users=3, model=0.0))
    assert decision.publish
    assert "3 users" in decision.reasons[0]


def test_the_same_model_again_is_published(shop):
    result = evaluate(
        shop, model=ItemNeighbours(threads=1), others={"live": ItemNeighbours(threads=1)}
    )
    assert result.differences["live"]["ndcg@20"] == (0.0, 0.0)
    only_live = {name: result.metrics[name] for name in ("model", "live")}
    assert decide(replace(result, metrics=only_live)).publish
