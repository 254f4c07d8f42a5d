"""The training pipeline: extract, tune, evaluate, decide, fit, write, publish.

The live model serves untouched until all rows of the new one are stored; the switch is one
conditional write. Whatever fails before, or kills the job, leaves the live model as it is.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from recommendations.engine.models import ItemNeighbours
from recommendations.engine.models.item_neighbours import RESERVE
from recommendations.preferences import Preferences
from recommendations.services import preferences as preferences_service
from recommendations.services import versions
from recommendations.services.jobs import JobError, Progress
from recommendations.storage import versions as storage
from recommendations.storage.versions import ModelVersion
from recommendations.training.catalogue import Catalogue, read_catalogue
from recommendations.training.extract import Extract, extract
from recommendations.training.lists import ready_lists
from recommendations.training.quality import Judgement, choose_parameters, judge
from recommendations.training.record import items_before, new_record
from recommendations.training.rows import Rows, content_neighbours
from recommendations.training.timing import Timing

# From so many items on, refining may take longer than a Lambda function lives. The rows of the
# valid base model are written before it then, so that little is left to write at the end.
LARGE_CATALOGUE = 50_000
_DIGITS = 6


class NothingToLearnError(JobError):
    """There are no events that say anything about what goes with what."""


def train(
    progress: Progress,
    *,
    tune_seconds: float,
    timing: Timing | None = None,
    large_catalogue: int = LARGE_CATALOGUE,
) -> dict[str, Any]:
    """Train a model on all stored events; publish it unless it is worse than the live one.

    Parameters
    ----------
    progress
        What the job reports through.
    tune_seconds
        Time to look for better parameters, at most a fifth of what is left; none when 0.
    timing
        The model is refined as far as time allows, and says how far.
    large_catalogue
        From so many items on, a valid model is written before it is refined.

    Returns
    -------
    dict
        What a person wants to know: version, whether and why it was published, sizes, quality.

    Raises
    ------
    NothingToLearnError
        When there are no events; the live model keeps serving.
    """
    timing = timing or Timing()
    now = datetime.now(UTC)
    preferences = preferences_service.find().preferences
    progress.step("reading events", progress=0.02)
    read = extract(preferences=preferences, on_rows=progress.rows)
    _require_events(read)
    catalogue = read_catalogue()
    progress.step("looking for better parameters", progress=0.1)
    tuning = choose_parameters(read.interactions, seconds=tune_seconds, timing=timing)
    progress.step("measuring on held-out time", progress=0.35)
    judgement = judge(read.interactions, tuning=tuning)
    record = _begin(read, catalogue, judgement, now=now)
    record = _fit_and_write(
        record,
        read,
        catalogue,
        preferences=preferences,
        progress=progress,
        timing=timing,
        large_catalogue=large_catalogue,
    )
    progress.step("publishing", progress=0.95)
    if judgement.decision.publish:
        versions.publish(version=record.version)
    versions.retire_old()
    return _result(record, judgement)


def _require_events(read: Extract) -> None:
    if len(read.interactions):
        return
    message = "there are no purchases, views or likes to learn from; import events first"
    if read.skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(read.skipped.items()))
        message = f"{message} (left out: {reasons})"
    raise NothingToLearnError(message)


def _begin(
    read: Extract, catalogue: Catalogue, judgement: Judgement, *, now: datetime
) -> ModelVersion:
    """Store the record of the version, with all items that may get a row.

    Before the first row is: whatever may have one is known even after a kill.
    """
    record = new_record(read, judgement, now=now)
    known = items_before().union(read.interactions.item_ids, catalogue.texts)
    record = storage.save_names(record, "known", sorted(known))
    storage.save(record)
    return record


def _fit_and_write(
    record: ModelVersion,
    read: Extract,
    catalogue: Catalogue,
    *,
    preferences: Preferences,
    progress: Progress,
    timing: Timing,
    large_catalogue: int,
) -> ModelVersion:
    """Fit the models and write all rows of the version; return its complete record."""
    interactions = read.interactions
    latest = float(interactions.times.max())
    rows = Rows(
        version=record.version,
        retained=[each.version for each in versions.retained()],
        item_ids=list(storage.names(record, "known")),
        catalogue=catalogue,
        progress=progress.rows,
    )
    content = content_neighbours(catalogue, interactions)

    def on_base(base: ItemNeighbours) -> None:
        if interactions.n_items >= large_catalogue:
            progress.step("writing the base model", progress=0.62)
            rows.write_similar(base, content)
        # Without the time for them, those of the version before stay in force.
        if timing.left > RESERVE:
            progress.step("writing what is bought together and next", progress=0.64)
            rows.write_others(interactions, now=latest)
        progress.step("refining", progress=0.66)

    progress.step("fitting", progress=0.6)
    model = ItemNeighbours(**record.parameters).fit(
        interactions, now=latest, deadline=timing.deadline, clock=timing.clock, on_base=on_base
    )
    progress.step("writing the model", progress=0.7)
    lists = ready_lists(
        interactions, catalogue, now=latest, trending_days=preferences.trending_days
    )
    record = storage.save_names(record, "lists", sorted(lists))
    refined = {"refined_share": round(model.refined_share_, _DIGITS)}
    record = replace(record, data={**record.data, **refined})
    storage.save(record)
    rows.write_similar(model, content)
    rows.counts["lists"] = storage.save_lists(version=record.version, lists=lists.items())
    record = storage.save_names(record, "items", content.item_ids_)
    state = "ready" if record.data["decision"]["publish"] else "rejected"
    record = replace(record, state=state, rows=dict(rows.counts))
    storage.save(record)
    return record


def _result(record: ModelVersion, judgement: Judgement) -> dict[str, Any]:
    metrics = judgement.evaluation.metrics
    return {
        "version": record.version,
        "published": judgement.decision.publish,
        "reasons": list(judgement.decision.reasons),
        **{name: record.data[name] for name in ("events", "users", "items", "skipped")},
        "rows": record.rows,
        "recall@20": round(metrics["model"]["recall@20"], _DIGITS),
        "ndcg@20": round(metrics["model"]["ndcg@20"], _DIGITS),
        "popular_recall@20": round(metrics["popular"]["recall@20"], _DIGITS),
    }
