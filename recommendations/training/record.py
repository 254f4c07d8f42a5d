"""The record of a model version: what a person and the next training want to know of it."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from core.validation import to_iso
from recommendations.engine.evaluate import Evaluation
from recommendations.engine.interactions import Interactions
from recommendations.services import versions
from recommendations.services.jobs import JobError
from recommendations.storage import versions as storage
from recommendations.storage.versions import ModelVersion
from recommendations.training.data import TrainingData
from recommendations.training.quality import Judgement

CHARTED_DAYS = 90
_SEARCHED = 100


def new_record(read: TrainingData, judgement: Judgement) -> ModelVersion:
    """Return the record of a version whose rows are yet to be written; nothing is stored."""
    evaluation, decision = judgement.evaluation, judgement.decision
    return ModelVersion(
        version=_new_version(read.began_at),
        created_at=to_iso(read.began_at),
        state="training",
        parameters=judgement.choice.parameters,
        data={
            **_sizes(read.interactions),
            "holdout": _holdout(judgement),
            "skipped": read.skipped,
            "daily": _daily(read.interactions),
            "tuning": judgement.choice.tuning,
            "by_history": [asdict(group) for group in evaluation.by_history],
            "exposure": evaluation.exposure,
            "decision": {
                "publish": decision.publish,
                "reasons": list(decision.reasons),
                "live": judgement.live,
            },
        },
        metrics=_metrics(evaluation),
    )


def items_before() -> set[str]:
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


def _at(seconds: float) -> str:
    return to_iso(datetime.fromtimestamp(seconds, UTC))


def _sizes(interactions: Interactions) -> dict[str, Any]:
    first, last = interactions.span
    return {
        "events": len(interactions),
        "users": interactions.n_users,
        "items": interactions.n_items,
        "from": _at(first),
        "to": _at(last),
    }


def _holdout(judgement: Judgement) -> dict[str, Any]:
    seconds = judgement.refine_seconds
    return {
        "users": judgement.evaluation.users,
        "from": _at(judgement.evaluation.test_from),
        "to": _at(judgement.evaluation.test_to),
        "events_share": round(judgement.events_share, 4),
        "refine_seconds": None if seconds is None else round(seconds),
    }


def _daily(interactions: Interactions) -> list[int]:
    """Return the events of each of the last 90 days, UTC, up to that of the newest event."""
    days = interactions.seconds // np.uint32(86_400)
    age = days.max() - days
    return [int(count) for count in np.bincount(age[age < CHARTED_DAYS])[::-1]]
