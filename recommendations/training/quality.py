"""How good a model would be: tuned, measured on held-out time, and judged beside the live one."""

from dataclasses import dataclass, fields

from recommendations.engine.evaluate import Evaluation, evaluate, temporal_split
from recommendations.engine.gate import Decision, decide
from recommendations.engine.interactions import Interactions
from recommendations.engine.models import ItemNeighbours
from recommendations.engine.tune import tune
from recommendations.services import versions
from recommendations.training.checkpoint import Choice
from recommendations.training.timing import Timing

_TUNING_SHARE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The parameters to use, how good they are, and whether that is good enough."""

    choice: Choice
    evaluation: Evaluation
    decision: Decision


def choose_parameters(interactions: Interactions, *, seconds: float, timing: Timing) -> Choice:
    """Choose parameters without a look at the time that the evaluation hides."""
    model = ItemNeighbours()
    budget = timing.share(_TUNING_SHARE, at_most=seconds)
    if budget <= 0:
        return Choice(parameters=model.get_params())
    known, _ = temporal_split(interactions)
    tuning = tune(known, model=model, budget=budget, clock=timing.clock)
    parameters = model.clone(**tuning.changes).get_params()
    return Choice(parameters=parameters, tuning=tuning.as_dict())


def judge(interactions: Interactions, choice: Choice) -> Judgement:
    """Measure the chosen parameters beside the live model's, and decide."""
    live = _live_model()
    evaluation = evaluate(
        interactions,
        model=ItemNeighbours(**choice.parameters),
        others={"live": live} if live else None,
    )
    return Judgement(choice=choice, evaluation=evaluation, decision=decide(evaluation))


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
