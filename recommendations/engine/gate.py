"""May a new model go live? A pure decision from an evaluation, with its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recommendations.engine.evaluate import Evaluation

MEASURE = "ndcg@20"
#: The share of a simple list's result that a model must reach.
FLOOR = 0.98
FLOOR_MODELS = ("trending", "cosine")
#: With fewer users than this a measure says too little to stop a model.
MIN_USERS = 100


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to publish, and why.

    Attributes
    ----------
    publish : bool
    reasons : tuple of str
        Sentences for the staff.
    below_floor : tuple of str
        The simple lists whose floor the model does not reach.
    """

    publish: bool
    reasons: tuple[str, ...]
    below_floor: tuple[str, ...] = ()


def decide(evaluation: Evaluation, *, live: str = "live", measure: str = MEASURE) -> Decision:
    """Decide whether the evaluated model may replace the live one.

    It may not when it is worse than the live model beyond the 95 % interval of the difference on
    the same users, or when it falls below 0.98 of trending or of plain cosine.

    Parameters
    ----------
    evaluation : Evaluation
        Of the new model, with the live one measured beside it under the name ``live`` if any.
    live : str
    measure : str
    """
    if evaluation.users < MIN_USERS:
        reason = f"only {evaluation.users} users to measure on: too few to stop a model"
        return Decision(publish=True, reasons=(reason,))
    against: list[str] = []
    in_favour: list[str] = []
    below_floor: list[str] = []
    value = evaluation.metrics["model"][measure]
    for name in FLOOR_MODELS:
        if name in evaluation.metrics:
            bar = FLOOR * evaluation.metrics[name][measure]
            sentence = f"{measure} {value:.4f} against {FLOOR} × {name} = {bar:.4f}"
            (in_favour if value >= bar else against).append(sentence)
            if value < bar:
                below_floor.append(name)
    if live in evaluation.differences:
        low, high = evaluation.differences[live][measure]
        sentence = (
            f"{measure} {value:.4f} against {evaluation.metrics[live][measure]:.4f} of the live "
            f"model, difference {low:+.4f} to {high:+.4f}"
        )
        (in_favour if high >= 0 else against).append(sentence)
    else:
        in_favour.append("there is no live model to compare with")
    return Decision(
        publish=not against,
        reasons=tuple(against or in_favour),
        below_floor=tuple(below_floor),
    )
