"""A training in steps, each an invocation of its own, as the state machine calls them.

The steps are those of `pipeline`; what they hand on lies in S3 and in the record of the version.
Each may be done again: it puts what it makes in place of what it made before.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
from django.conf import settings

from core.dynamodb.meter import metered
from recommendations.services import versions
from recommendations.services.jobs import JobError
from recommendations.services.progress import Progress
from recommendations.storage import learning, neighbours
from recommendations.storage import versions as storage
from recommendations.storage.versions import ModelVersion
from recommendations.training import steps
from recommendations.training.checkpoint import Choice
from recommendations.training.handover import Handover, PartResult, kind_of
from recommendations.training.quality import Judgement
from recommendations.training.refreshing import recently_active
from recommendations.training.timing import Timing

# A fit that its function's time cut short goes on so often.
MAX_ROUNDS = 6
_WRITTEN = {
    "similar": "neighbours_written",
    "bought-together": "bought_together_written",
    "next": "next_written",
}

Facts = dict[str, Any]


class Fitted(msgspec.Struct, frozen=True):
    """What came of a round of fitting."""

    round: int
    solved: int


class Plan(msgspec.Struct, frozen=True):
    """What all who write rows must know."""

    version: str
    retained: list[str]


def size(progress: Progress, timing: Timing) -> Facts:  # noqa: ARG001  # a step's signature
    """Say about how many events there are, before anything is read."""
    if not settings.EXPORT_BUCKET:
        message = "the steps of a training need a bucket; set EXPORT_BUCKET, see docs/operations.md"
        raise JobError(message)
    progress.step("looking at the size of the data", progress=0.01)
    return {"stored_events": learning.stored_events()}


def extract(progress: Progress, timing: Timing) -> Facts:  # noqa: ARG001
    """Read events and products, and keep them."""
    data = steps.extract(progress)
    _handover(progress).save_data(data)
    interactions = data.interactions
    return {
        "events": len(interactions),
        "users": interactions.n_users,
        "items": interactions.n_items,
    }


def choose(progress: Progress, timing: Timing) -> Facts:
    """Look for better parameters, and keep them."""
    kept = _handover(progress)
    data = kept.load_data()
    found = steps.checkpoint(data)
    seconds = settings.TRAINING_TUNE_SECONDS
    choice = steps.choose(progress, data, found, seconds=seconds, timing=timing)
    kept.save("choice", choice)
    return {}


def evaluate(progress: Progress, timing: Timing) -> Facts:
    """Measure them, and keep what came of it."""
    kept = _handover(progress)
    choice = kept.load("choice", Choice)
    judgement = steps.evaluate(progress, kept.load_data(), choice, timing=timing)
    kept.save("judgement", judgement)
    return {}


def gate(progress: Progress, timing: Timing) -> Facts:  # noqa: ARG001
    """Begin a version, which says whether it may be published."""
    progress.step("deciding", progress=0.55)
    kept = _handover(progress)
    judgement = kept.load("judgement", Judgement)
    record = steps.gate(kept.load_data(), judgement)
    kept.save("plan", Plan(record.version, steps.retained()))
    kept.save("fitted", Fitted(0, 0))
    kept.begin_parts()
    return {
        "version": record.version,
        "passed": judgement.decision.publish,
        "reasons": list(judgement.decision.reasons),
    }


def fit(progress: Progress, timing: Timing) -> Facts:
    """Fit as far as time allows, and say whether it is worth while to go on."""
    kept = _handover(progress)
    data = kept.load_data()
    before = kept.load("fitted", Fitted)
    found = steps.checkpoint(data)
    record = steps.fit(
        progress,
        data,
        _record(progress),
        found=found,
        save=kept.save_rows,
        choice=kept.load("judgement", Judgement).choice,
        timing=timing,
        # Handing rows on takes next to no time, so those of the base need not be handed on first.
        large_catalogue=float("inf"),
    )
    storage.save(record)
    fitted = Fitted(before.round + 1, found.kept)
    kept.save("fitted", fitted)
    again = (
        record.data["refined_share"] < 1
        and before.solved < fitted.solved
        and fitted.round < MAX_ROUNDS
    )
    return {"refined_share": record.data["refined_share"], "again": again}


def write(progress: Progress, timing: Timing) -> Facts:  # noqa: ARG001
    """Write all rows in this process."""
    progress.step("writing the model", progress=0.7)
    kept = _handover(progress)
    for name in kept.parts():
        kept.note_written(name, PartResult(_write(kept, name, on_rows=progress.rows)))
    return {}


def write_part(run: str, name: str, *, on_rows: Callable[[int], None]) -> None:
    """Write the rows of one part, beside others that write other parts."""
    kept = Handover(run)
    with metered() as meter:
        changed = _write(kept, name, on_rows=on_rows)
    kept.note_written(name, PartResult(changed, meter.as_dict()))


def _write(kept: Handover, name: str, *, on_rows: Callable[[int], None]) -> int:
    plan = kept.load("plan", Plan)
    written = neighbours.save_packed(
        version=plan.version,
        retained=plan.retained,
        rows=kept.part(name),
        kind=kind_of(name),
        progress=on_rows,
    )
    return written.changed


def publish(progress: Progress, timing: Timing) -> Facts:  # noqa: ARG001
    """Complete the version if each part of its rows is written, and make it live if it may be."""
    record = _record(progress)
    if record.state == "training":
        counts = {**record.rows, **dict.fromkeys(_WRITTEN.values(), 0)}
        for kind, part in _handover(progress).written():
            counts[_WRITTEN[kind]] += part.changed
            progress.add_cost(part.cost)
        record = steps.complete(replace(record, rows=counts))
    published = steps.publish(progress, record) or versions.live() == record.version
    return steps.result(record, published=published)


def verify(progress: Progress, timing: Timing) -> Facts:  # noqa: ARG001
    """Read back what was published; see `steps.verify`."""
    steps.verify(progress, _record(progress))
    return {}


def refresh(progress: Progress, timing: Timing) -> Facts:
    """Make new lists for those who were here lately."""
    data = _handover(progress).load_data()
    active = recently_active(data.interactions, now=data.began_at.timestamp())
    return {"profiles_refreshed": steps.refresh(progress, active, timing=timing)}


def finish(progress: Progress, timing: Timing) -> Facts:  # noqa: ARG001
    """Give up old versions, and everything that the steps have handed on."""
    progress.step("cleaning up", progress=0.99)
    versions.retire_old()
    clear(progress.job.job_id)
    return {}


def clear(run: str) -> None:
    """Remove everything that the steps of a run have handed on."""
    if not settings.EXPORT_BUCKET:
        return  # Without a bucket the first step has failed.
    Handover(run).delete()


def _handover(progress: Progress) -> Handover:
    return Handover(progress.job.job_id)


def _record(progress: Progress) -> ModelVersion:
    found = versions.find(version=str(progress.job.result.get("version")))
    if found is None:
        message = "the version that this run makes is gone; start it again"
        raise JobError(message)
    return found


#: The steps by the names that the state machine calls them.
STEPS: Mapping[str, Callable[[Progress, Timing], Facts]] = {
    "size": size,
    "extract": extract,
    "choose": choose,
    "evaluate": evaluate,
    "gate": gate,
    "fit": fit,
    "write": write,
    "publish": publish,
    "verify": verify,
    "refresh": refresh,
}
