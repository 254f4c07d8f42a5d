"""The training pipeline: extract, tune, evaluate, fit, write, publish.

The live model serves untouched until all rows of the new one are stored; the switch is one
conditional write. Whatever fails before, or kills the job, leaves the live model as it is.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import numpy as np

from core.validation import to_iso
from recommendations.engine.evaluate import Evaluation, evaluate, temporal_split
from recommendations.engine.gate import decide
from recommendations.engine.interactions import Interactions
from recommendations.engine.models import ItemNeighbours
from recommendations.engine.packing import Neighbour
from recommendations.engine.tune import Tuning, tune
from recommendations.services import versions
from recommendations.services.jobs import JobError, Progress
from recommendations.storage import neighbours
from recommendations.storage import versions as storage
from recommendations.storage.neighbours import Written
from recommendations.storage.versions import ModelVersion
from recommendations.training.extract import extract
from recommendations.training.lists import ready_lists

CHARTED_DAYS = 90
# From so many items on, refining may take longer than a Lambda function lives. The rows of the
# valid base model are written before it then, so that little is left to write at the end.
LARGE_CATALOGUE = 50_000
_TUNING_SHARE = 0.2
_DIGITS = 6
_SEARCHED = 100


class NothingToLearnError(JobError):
    """There are no events that say anything about what goes with what."""


def train(
    progress: Progress,
    *,
    tune_seconds: float,
    deadline: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Train a model on all stored events; publish it unless it is worse than the live one.

    Parameters
    ----------
    progress
        What the job reports through.
    tune_seconds
        Time to look for better parameters, at most a fifth of what is left; none when 0.
    deadline
        On the clock; the model is refined as far as time allows, and says how far.
    clock
        Seconds, never going back.

    Returns
    -------
    dict
        What a person wants to know: version, whether and why it was published, sizes, quality.

    Raises
    ------
    NothingToLearnError
        When there are no events; the live model keeps serving.
    """
    now = datetime.now(UTC)
    progress.step("reading events", progress=0.02)
    interactions = extract(on_rows=progress.rows)
    if not len(interactions):
        message = "there are no purchases, views or likes to learn from; import events first"
        raise NothingToLearnError(message)

    budget = tune_seconds
    if deadline is not None:
        budget = min(budget, _TUNING_SHARE * (deadline - clock()))
    progress.step("looking for better parameters", progress=0.1)
    tuning = _tune(interactions, budget=budget, clock=clock)
    model = ItemNeighbours().clone(**(tuning.changes if tuning else {}))

    progress.step("measuring on held-out time", progress=0.35)
    live = _live_model()
    evaluation = evaluate(interactions, model=model, others={"live": live} if live else None)
    decision = decide(evaluation)

    before = _rows_before()
    record = ModelVersion(
        version=_new_version(now),
        created_at=to_iso(now),
        state="training",
        parameters=model.get_params(),
        data={
            **_data(interactions, evaluation),
            "daily": _daily(interactions),
            "tuning": tuning.as_dict() if tuning else None,
            "by_history": [asdict(group) for group in evaluation.by_history],
            "exposure": evaluation.exposure,
            "decision": {"publish": decision.publish, "reasons": list(decision.reasons)},
        },
        metrics=_metrics(evaluation),
    )
    # Stored before the first neighbour row: whatever may have one is known even after a kill.
    known = before.union(interactions.item_ids)
    record = storage.save_names(record, "known", sorted(known))
    storage.save(record)
    gone = known.difference(interactions.item_ids)
    retained = [each.version for each in versions.retained()]

    def write(fitted: ItemNeighbours) -> Written:
        return neighbours.save(
            version=record.version,
            retained=retained,
            rows=chain(
                _rows(fitted.neighbours(), interactions.item_ids),
                ((item_id, []) for item_id in gone),
            ),
            progress=progress.rows,
        )

    def write_base(fitted: ItemNeighbours) -> None:
        if interactions.n_items >= LARGE_CATALOGUE:
            progress.step("writing the base model", progress=0.62)
            write(fitted)
            progress.step("refining", progress=0.65)

    progress.step("fitting", progress=0.6)
    latest = float(interactions.times.max())
    model.fit(interactions, now=latest, deadline=deadline, clock=clock, on_base=write_base)
    lists = ready_lists(interactions, now=latest)
    progress.step("writing the model", progress=0.7)
    record = storage.save_names(record, "lists", sorted(lists))
    refined = {"refined_share": round(model.refined_share_, _DIGITS)}
    record = replace(record, data={**record.data, **refined})
    storage.save(record)
    written = write(model)
    rows = {
        "neighbours": written.items,
        "neighbours_written": written.changed,
        "lists": storage.save_lists(version=record.version, lists=lists.items()),
    }
    record = storage.save_names(record, "items", interactions.item_ids)
    storage.save(replace(record, state="ready" if decision.publish else "rejected", rows=rows))

    progress.step("publishing", progress=0.95)
    if decision.publish:
        versions.publish(version=record.version)
    versions.retire_old()
    return {
        "version": record.version,
        "published": decision.publish,
        "reasons": list(decision.reasons),
        "events": len(interactions),
        "users": interactions.n_users,
        "items": interactions.n_items,
        "rows": rows,
        "recall@20": round(evaluation.metrics["model"]["recall@20"], _DIGITS),
        "ndcg@20": round(evaluation.metrics["model"]["ndcg@20"], _DIGITS),
        "popular_recall@20": round(evaluation.metrics["popular"]["recall@20"], _DIGITS),
    }


def _tune(
    interactions: Interactions, *, budget: float, clock: Callable[[], float]
) -> Tuning | None:
    """Choose parameters without a look at the time that the evaluation hides."""
    if budget <= 0:
        return None
    known, _ = temporal_split(interactions)
    return tune(known, model=ItemNeighbours(), budget=budget, clock=clock)


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


def _rows_before() -> set[str]:
    """Return the items that may have neighbour rows, published or not, of a killed run too."""
    for record in storage.listing(limit=_SEARCHED).rows:
        name_rows = record.data.get("name_rows", {})
        if record.state != "retired" and name_rows:
            return set(storage.names(record, "items" if "items" in name_rows else "known"))
    return set()


def _new_version(now: datetime) -> str:
    """Return a version id that sorts after all earlier ones."""
    stem = f"{now:%Y-%m-%dT%H:%MZ}"
    for number in range(1, 10):
        if versions.find(version=f"{stem}-{number}") is None:
            return f"{stem}-{number}"
    message = "nine models were trained within this minute; wait for the next"
    raise JobError(message)


def _metrics(evaluation: Evaluation) -> dict[str, Any]:
    return {
        name: {
            **values,
            "intervals": evaluation.intervals[name],
            "differences": evaluation.differences.get(name, {}),
        }
        for name, values in evaluation.metrics.items()
    }


def _data(interactions: Interactions, evaluation: Evaluation) -> dict[str, Any]:
    def at(seconds: float) -> str:
        return to_iso(datetime.fromtimestamp(seconds, UTC))

    return {
        "events": len(interactions),
        "users": interactions.n_users,
        "items": interactions.n_items,
        "from": at(float(interactions.times.min())),
        "to": at(float(interactions.times.max())),
        "holdout": {
            "users": evaluation.users,
            "from": at(evaluation.test_from),
            "to": at(evaluation.test_to),
        },
    }


def _daily(interactions: Interactions) -> list[int]:
    """Return the events of each of the last 90 days, UTC, up to that of the newest event."""
    days = (interactions.times // 86_400).astype(int)
    age = days.max() - days
    return [int(count) for count in np.bincount(age[age < CHARTED_DAYS])[::-1]]


def _rows(
    found: Iterator[tuple[str, list[Neighbour]]], item_ids: Iterable[str]
) -> Iterator[tuple[str, list[Neighbour]]]:
    """Yield a row for every item, empty for those that have no neighbours (any more)."""
    known = next(found, None)
    for item_id in item_ids:
        if known is not None and known[0] == item_id:
            yield known
            known = next(found, None)
        else:
            yield item_id, []
