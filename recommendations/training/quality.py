"""How good a model would be: tuned, measured on held-out time, and judged beside the live one."""

from dataclasses import dataclass, fields, replace

from recommendations.engine.evaluate import COSINE, Evaluation, evaluate, temporal_split
from recommendations.engine.gate import Decision, decide
from recommendations.engine.interactions import Interactions
from recommendations.engine.models import ItemNeighbours
from recommendations.engine.tune import tune
from recommendations.services import versions
from recommendations.training.checkpoint import Choice
from recommendations.training.sample import most_taken, sample_users
from recommendations.training.timing import Timing

#: With more events than this, quality is measured on a sample of the users.
MAX_MEASURED_EVENTS = 2_000_000
#: With more items than this, parameters are chosen on those that are taken most.
MAX_TUNED_ITEMS = 10_000
_TUNING_SHARE = 0.2
# Of the time left when measuring begins, for the new model and as much for the live one.
_REFINING_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The parameters to use, how good they are, and whether that is good enough.

    Attributes
    ----------
    events_share
        The share of the events that quality was measured on: below 1 for a sample of the users.
    refine_seconds
        How long each measured model was refined at most; None for as long as it took.
    live
        The version that was live, and so was measured beside it; None without one.
    """

    choice: Choice
    events_share: float
    refine_seconds: float | None
    live: str | None
    evaluation: Evaluation
    decision: Decision


def choose_parameters(interactions: Interactions, *, seconds: float, timing: Timing) -> Choice:
    """Choose parameters without a look at the time that the evaluation hides."""
    model = ItemNeighbours()
    budget = timing.share(_TUNING_SHARE, at_most=seconds)
    if budget <= 0:
        return Choice(parameters=model.get_params())
    known, _ = temporal_split(interactions)
    known = most_taken(known, max_items=MAX_TUNED_ITEMS)
    tuning = tune(known, model=model, budget=budget, clock=timing.clock)
    parameters = model.clone(**tuning.changes).get_params()
    return Choice(parameters=parameters, tuning=tuning.as_dict())


def judge(
    interactions: Interactions,
    choice: Choice,
    *,
    timing: Timing,
    max_events: int = MAX_MEASURED_EVENTS,
) -> Judgement:
    """Measure the chosen parameters beside the live model's, and decide.

    All models see the same sample and have the same time, so that they may be compared. Where
    plain cosine is better than what was chosen, plain cosine is what is judged.
    """
    judged = _measure(interactions, choice, timing=timing, max_events=max_events)
    if "cosine" not in judged.decision.below_floor:
        return judged
    cosine = replace(choice, parameters=COSINE.get_params())
    simpler = _measure(interactions, cosine, timing=timing, max_events=max_events)
    return simpler if simpler.decision.publish else judged


def _measure(
    interactions: Interactions, choice: Choice, *, timing: Timing, max_events: int
) -> Judgement:
    version = versions.live()
    live = model_of(version)
    sample = sample_users(interactions, max_events=max_events)
    seconds = None if timing.deadline is None else max(timing.share(_REFINING_SHARE), 0.0)
    evaluation = evaluate(
        sample,
        model=ItemNeighbours(**choice.parameters),
        others={"live": live} if live else None,
        refine_seconds=seconds,
        clock=timing.clock,
    )
    return Judgement(
        choice=choice,
        events_share=len(sample) / len(interactions),
        refine_seconds=seconds,
        live=version,
        evaluation=evaluation,
        decision=decide(evaluation),
    )


def model_of(version: str | None) -> ItemNeighbours | None:
    """Return an unfitted model with the parameters of a version."""
    record = versions.find(version=version) if version else None
    if record is None:
        return None
    known = {each.name for each in fields(ItemNeighbours) if each.init}
    return ItemNeighbours(
        **{name: value for name, value in record.parameters.items() if name in known}
    )
