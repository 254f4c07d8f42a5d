"""How good a model would be: tuned, measured on held-out time, and judged beside the live one."""

from dataclasses import dataclass, fields
from typing import Any

from recommendations.engine.evaluate import Evaluation, evaluate, temporal_split
from recommendations.engine.gate import Decision, decide
from recommendations.engine.interactions import Interactions
from recommendations.engine.models import ItemNeighbours
from recommendations.engine.tune import Tuning, tune
from recommendations.services import versions
from recommendations.training.timing import Timing

_TUNING_SHARE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The parameters to use, how they were found, and how good they are."""

    parameters: dict[str, Any]
    tuning: dict[str, Any] | None
    evaluation: Evaluation
    decision: Decision


def choose_parameters(
    interactions: Interactions, *, seconds: float, timing: Timing
) -> Tuning | None:
    """Choose parameters without a look at the time that the evaluation hides."""
    budget = timing.share(_TUNING_SHARE, at_most=seconds)
    if budget <= 0:
        return None
    known, _ = temporal_split(interactions)
    return tune(known, model=ItemNeighbours(), budget=budget, clock=timing.clock)


def judge(interactions: Interactions, *, tuning: Tuning | None) -> Judgement:
    """Measure the chosen parameters beside the live model's, and decide."""
    model = ItemNeighbours().clone(**(tuning.changes if tuning else {}))
    live = _live_model()
    evaluation = evaluate(interactions, model=model, others={"live": live} if live else None)
    return Judgement(
        parameters=model.get_params(),
        tuning=tuning.as_dict() if tuning else None,
        evaluation=evaluation,
        decision=decide(evaluation),
    )


def _live_model() -> ItemNeighbours | None:
    """Return an unfitted model with the parameters of the live version."""
    version = versions.live()
    record = versions.find(version=version) if version else None
    if record is None:
        return None
    known = {each.name for each in fields(ItemNeighbours) if each.init}
    return ItemNeighbours(
        **{name: value for name, value in record.parameters.items() if name in known}
    )
