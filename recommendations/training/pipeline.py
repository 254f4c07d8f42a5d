"""The training pipeline: extract, tune, evaluate, decide, fit, write, publish.

The live model serves untouched until all rows of the new one are stored; the switch is one
conditional write. Whatever fails before, or kills the job, leaves the live model as it is.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from recommendations.services import preferences as preferences_service
from recommendations.services import versions
from recommendations.services.jobs import JobError, Progress
from recommendations.storage import versions as storage
from recommendations.storage.versions import ModelVersion
from recommendations.training.catalogue import Catalogue, read_catalogue
from recommendations.training.checkpoint import Checkpoint, Choice, fingerprint
from recommendations.training.extract import Extract, extract
from recommendations.training.fitting import Fitting
from recommendations.training.lists import ready_lists
from recommendations.training.quality import Judgement, choose_parameters, judge
from recommendations.training.record import items_before, new_record
from recommendations.training.refreshing import recently_active, refresh_profiles
from recommendations.training.rows import Rows, content_neighbours
from recommendations.training.timing import Timing

LARGE_CATALOGUE = 50_000
CHECKPOINT_SECONDS = 60.0
_DIGITS = 6


class NothingToLearnError(JobError):
    """There are no events that say anything about what goes with what."""


def train(
    progress: Progress,
    *,
    tune_seconds: float,
    timing: Timing | None = None,
    large_catalogue: int = LARGE_CATALOGUE,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
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
        See `recommendations.training.fitting.Fitting`.
    checkpoint_seconds
        How often to keep what a long fit has solved, for the next run if this one dies.

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
    if catalogue.unreadable:
        read = replace(read, skipped={**read.skipped, "unreadable products": catalogue.unreadable})
    checkpoint = Checkpoint(
        name=fingerprint(read.interactions),
        n_items=read.interactions.n_items,
        seconds=checkpoint_seconds,
    )
    checkpoint.load()
    progress.step("looking for better parameters", progress=0.1)
    choice = checkpoint.choice or choose_parameters(
        read.interactions, seconds=tune_seconds, timing=timing
    )
    progress.step("measuring on held-out time", progress=0.35)
    judgement = judge(read.interactions, choice, timing=timing)
    record = _begin(read, catalogue, judgement, now=now)
    record = _fit_and_write(
        record,
        read,
        catalogue,
        checkpoint,
        choice=judgement.choice,
        trending_days=preferences.trending_days,
        progress=progress,
        timing=timing,
        large_catalogue=large_catalogue,
    )
    progress.step("publishing", progress=0.95)
    published = judgement.decision.publish and versions.publish_after(
        version=record.version, before=judgement.live
    )
    versions.retire_old()
    refreshed = 0
    if published:
        progress.step("refreshing profiles", progress=0.97)
        active = recently_active(read.interactions, now=now.timestamp())
        refreshed = refresh_profiles(active, timing=timing, on_rows=progress.rows)
    return {**_result(record, judgement, published=published), "profiles_refreshed": refreshed}


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
    checkpoint: Checkpoint,
    *,
    choice: Choice,
    trending_days: float,
    progress: Progress,
    timing: Timing,
    large_catalogue: int,
) -> ModelVersion:
    """Fit the models and write all rows of the version; return its complete record."""
    _, latest = read.interactions.span
    lists = ready_lists(read.interactions, catalogue, now=latest, trending_days=trending_days)
    record = storage.save_names(record, "lists", sorted(lists))
    storage.save(record)
    content = content_neighbours(catalogue, read.interactions)
    rows = Rows(
        version=record.version,
        retained=[each.version for each in versions.retained()],
        item_ids=list(storage.names(record, "known")),
        catalogue=catalogue,
        progress=progress.rows,
    )
    resumed = checkpoint.solved
    model = Fitting(
        interactions=read.interactions,
        latest=latest,
        choice=choice,
        content=content,
        rows=rows,
        checkpoint=checkpoint,
        progress=progress,
        timing=timing,
        large_catalogue=large_catalogue,
    ).run()
    rows.counts["lists"] = storage.save_lists(version=record.version, lists=lists.items())
    record = storage.save_names(record, "items", content.item_ids_)
    refined = {"refined_share": round(model.refined_share_, _DIGITS), "resumed_items": resumed}
    record = replace(
        record,
        state="ready" if record.data["decision"]["publish"] else "rejected",
        data={**record.data, **refined},
        rows=dict(rows.counts),
    )
    storage.save(record)
    return record


def _result(record: ModelVersion, judgement: Judgement, *, published: bool) -> dict[str, Any]:
    metrics = judgement.evaluation.metrics
    reasons = list(judgement.decision.reasons)
    if judgement.decision.publish and not published:
        reasons.append(
            "somebody switched the live version meanwhile; publish this one if it is better"
        )
    return {
        "version": record.version,
        "published": published,
        "reasons": reasons,
        **{
            name: record.data[name]
            for name in ("events", "users", "items", "skipped", "refined_share")
        },
        "rows": record.rows,
        "recall@20": round(metrics["model"]["recall@20"], _DIGITS),
        "ndcg@20": round(metrics["model"]["ndcg@20"], _DIGITS),
        "popular_recall@20": round(metrics["popular"]["recall@20"], _DIGITS),
    }
