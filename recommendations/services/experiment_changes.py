"""Start an experiment in a placement, stop it, or let one of its variants win."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from core.pages import Page
from core.validation import to_key
from recommendations.placements import Experiment
from recommendations.services import insights, placements
from recommendations.services.placements import Change, PlacementChangedError, StoredPlacement
from recommendations.storage import experiments as storage
from recommendations.storage.experiments import EndedExperiment

__all__ = ["EndedExperiment", "ExperimentError", "adopt", "ended", "find_ended", "start", "stop"]


class ExperimentError(Exception):
    """The placement is not as the change needs it; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What an end changed, and what is kept of it."""

    change: Change
    kept: EndedExperiment


def ended(*, limit: int, position: Any = None) -> Page[EndedExperiment]:
    """Return experiments that have ended here, the last one first."""
    return storage.listing(limit=limit, position=position)


def find_ended(*, key: str) -> EndedExperiment | None:
    """Return one that has ended, or None."""
    return storage.find(key=key)


def start(*, placement: str, experiment: Experiment, by: str) -> Change:
    """Show the variants of an experiment from the next request on.

    Raises
    ------
    ExperimentError
        When there is no such placement, it runs another one, or it was changed meanwhile.
    """
    stored = placements.find(name=placement)
    if stored is None:
        message = f"there is no placement {placement!r} any more; choose another one"
        raise ExperimentError(message)
    if stored.placement.experiment is not None:
        name = stored.placement.experiment.name
        message = f"{placement} runs the experiment {name} already; end that first"
        raise ExperimentError(message)
    changed = msgspec.structs.replace(stored.placement, experiment=experiment)
    return _save(stored, changed, by=by, note=f"experiment {experiment.name} started")


def stop(*, stored: StoredPlacement, by: str) -> Ended:
    """Show the placement itself to everybody again, and keep what the experiment said.

    Raises
    ------
    ExperimentError
        When the placement runs none, or was changed meanwhile.
    """
    return _end(stored, by=by, adopted=None)


def adopt(*, stored: StoredPlacement, variant: str, by: str) -> Ended:
    """Let the placement become one of its variants, for everybody; the experiment ends.

    Raises
    ------
    ExperimentError
        When it has no such variant, or was changed meanwhile.
    """
    return _end(stored, by=by, adopted=variant)


def _end(stored: StoredPlacement, *, by: str, adopted: str | None) -> Ended:
    placement = stored.placement
    experiment = placement.experiment
    if experiment is None:
        message = f"{placement.name} runs no experiment any more"
        raise ExperimentError(message)
    variant = placement.variant(adopted) if adopted is not None else None
    if adopted is not None and variant is None:
        message = f"the experiment {experiment.name} has no variant {adopted!r}"
        raise ExperimentError(message)
    # Before the end: afterwards nobody knows any more since when it has been as it is.
    today = datetime.now(UTC).date()
    found = insights.running_result(placement=placement.name, until=today)
    what = "stopped" if adopted is None else f"ended, variant {adopted} adopted"
    change = _save(
        stored,
        msgspec.structs.replace(placement.as_seen_in(variant), experiment=None),
        by=by,
        note=f"experiment {experiment.name} {what}",
    )
    kept = EndedExperiment(
        placement=placement.name,
        experiment=experiment,
        since=today if found.experiment is None else found.experiment.since,
        days=0 if found.experiment is None else found.experiment.days,
        ended_at=to_key(datetime.now(UTC)),
        ended_by=by,
        adopted=adopted,
        result=found.variants,
    )
    storage.save(kept)
    return Ended(change=change, kept=kept)


def _save(stored: StoredPlacement, changed: Any, *, by: str, note: str) -> Change:
    try:
        return placements.save(placement=changed, by=by, replaces=stored.number, note=note)
    except PlacementChangedError as error:
        raise ExperimentError(str(error)) from error
