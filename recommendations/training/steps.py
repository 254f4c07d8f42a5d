"""The steps of a training, each by itself; `pipeline` and `workflow` put them in order.

A step is given what the steps before it have made, and says by `Progress` what it does. What it
stores is complete, or does not count yet: only `publish` changes what customers see.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from recommendations.services import versions
from recommendations.services.progress import Progress
from recommendations.storage import neighbours
from recommendations.storage import versions as storage
from recommendations.storage.versions import ModelVersion
from recommendations.training.checkpoint import Checkpoint, Choice, fingerprint
from recommendations.training.data import TrainingData, read_data
from recommendations.training.fitting import Fitting
from recommendations.training.lists import ready_lists
from recommendations.training.quality import Judgement, choose_parameters, judge
from recommendations.training.record import items_before, new_record
from recommendations.training.refreshing import refresh_profiles
from recommendations.training.rows import Rows, Save, content_neighbours
from recommendations.training.timing import Timing
from recommendations.training.verifying import check_stored

LARGE_CATALOGUE = 50_000
CHECKPOINT_SECONDS = 60.0
DIGITS = 6


def extract(progress: Progress) -> TrainingData:
    """Read all events and products."""
    progress.step("reading events", progress=0.02)
    return read_data(now=datetime.now(UTC), on_rows=progress.rows)


def checkpoint(data: TrainingData, *, seconds: float = CHECKPOINT_SECONDS) -> Checkpoint:
    """Return what an earlier run on the same data has chosen and solved."""
    interactions = data.interactions
    found = Checkpoint(
        name=fingerprint(interactions), n_items=interactions.n_items, seconds=seconds
    )
    found.load()
    return found


def choose(
    progress: Progress, data: TrainingData, found: Checkpoint, *, seconds: float, timing: Timing
) -> Choice:
    """Look for better parameters, unless an earlier run on the same data has."""
    progress.step("looking for better parameters", progress=0.1)
    return found.choice or choose_parameters(data.interactions, seconds=seconds, timing=timing)


def evaluate(
    progress: Progress, data: TrainingData, choice: Choice, *, timing: Timing
) -> Judgement:
    """Measure the choice on held-out time, beside simple lists and the live model."""
    progress.step("measuring on held-out time", progress=0.35)
    return judge(data.interactions, choice, timing=timing)


def gate(data: TrainingData, judgement: Judgement) -> ModelVersion:
    """Store the record of the version, with the decision and all items that may get a row.

    Before the first row is: whatever may have one is known even after a kill.
    """
    record = new_record(data, judgement)
    known = items_before().union(data.interactions.item_ids, data.catalogue.texts)
    record = storage.save_names(record, "known", sorted(known))
    storage.save(record)
    return record


def retained() -> list[str]:
    """Return the versions whose rows must go on to say what they say now."""
    return [each.version for each in versions.retained()]


def save_rows(record: ModelVersion, progress: Progress, *, kept: Sequence[str]) -> Save:
    """Return what writes neighbour rows of the version where they are read from."""
    return partial(neighbours.save, version=record.version, retained=kept, progress=progress.rows)


def fit(
    progress: Progress,
    data: TrainingData,
    record: ModelVersion,
    *,
    found: Checkpoint,
    save: Save,
    choice: Choice,
    timing: Timing,
    large_catalogue: float = LARGE_CATALOGUE,
) -> ModelVersion:
    """Fit the models on everything, and hand on or write all rows; return the record so far.

    Parameters
    ----------
    found
        What an earlier run has solved; what this one solves is kept there too.
    save
        Takes the neighbour rows of one kind.
    """
    lists = ready_lists(
        data.interactions, data.catalogue, now=data.latest, trending_days=data.trending_days
    )
    record = storage.save_names(record, "lists", sorted(lists))
    storage.save(record)
    content = content_neighbours(data.catalogue, data.interactions)
    rows = Rows(save=save, item_ids=list(storage.names(record, "known")), catalogue=data.catalogue)
    resumed = found.solved
    model = Fitting(
        interactions=data.interactions,
        latest=data.latest,
        choice=choice,
        content=content,
        rows=rows,
        checkpoint=found,
        progress=progress,
        timing=timing,
        large_catalogue=large_catalogue,
    ).run()
    rows.counts["lists"] = storage.save_lists(version=record.version, lists=lists.items())
    record = storage.save_names(record, "items", content.item_ids_)
    refined = {"refined_share": round(model.refined_share_, DIGITS), "resumed_items": resumed}
    return replace(record, data={**record.data, **refined}, rows=dict(rows.counts))


def complete(record: ModelVersion) -> ModelVersion:
    """Store that all rows of the version are there."""
    state = "ready" if record.data["decision"]["publish"] else "rejected"
    record = replace(record, state=state)
    storage.save(record)
    return record


def publish(progress: Progress, record: ModelVersion) -> bool:
    """Make the version live, if it may be and nobody has switched meanwhile; tell whether it is."""
    progress.step("publishing", progress=0.94)
    return record.state == "ready" and versions.publish_after(
        version=record.version, before=record.data["decision"]["live"]
    )


def verify(progress: Progress, record: ModelVersion) -> None:
    """Read back a sample of what customers are shown now; go back if it is not there.

    Raises
    ------
    NotVerifiedError
        When it is not; the version that was live before is so again.
    """
    progress.step("verifying", progress=0.96)
    check_stored(record)


def refresh(progress: Progress, user_ids: Iterable[str], *, timing: Timing) -> int:
    """Make new ready lists for those who were here lately; return for how many."""
    progress.step("refreshing profiles", progress=0.97)
    return refresh_profiles(list(user_ids), timing=timing, on_rows=progress.rows)


def result(record: ModelVersion, *, published: bool) -> dict[str, Any]:
    """Return what a person wants to know of a training that has ended."""
    decision = record.data["decision"]
    reasons = list(decision["reasons"])
    if decision["publish"] and not published:
        reasons.append(
            "somebody switched the live version meanwhile; publish this one if it is better"
        )
    quality = {name: record.metrics[name] for name in ("model", "popular")}
    return {
        "version": record.version,
        "published": published,
        "reasons": reasons,
        **{
            name: record.data[name]
            for name in ("events", "users", "items", "skipped", "refined_share")
        },
        "rows": record.rows,
        "recall@20": round(quality["model"]["recall@20"], DIGITS),
        "ndcg@20": round(quality["model"]["ndcg@20"], DIGITS),
        "popular_recall@20": round(quality["popular"]["recall@20"], DIGITS),
    }
