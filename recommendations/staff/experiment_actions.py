"""What can be done with experiments: start one, stop it, let a variant win."""

from dataclasses import dataclass

from django.urls import reverse

from core.staff.links import list_url
from core.staff.resource import ActionError, Call, Outcome
from recommendations.placements import Experiment
from recommendations.services import experiment_changes
from recommendations.services.experiment_changes import EndedExperiment, ExperimentError
from recommendations.services.placements import Change, StoredPlacement


@dataclass(frozen=True, slots=True)
class Listed:
    """An experiment: of a placement that runs it, or one that has ended."""

    running: StoredPlacement | None
    ended: EndedExperiment | None = None

    @property
    def key(self) -> str:
        # Placements' names have no such character.
        return self.ended.key if self.ended else self.placement_name

    @property
    def placement_name(self) -> str:
        return self.running.placement.name if self.running else self._ended.placement

    @property
    def _ended(self) -> EndedExperiment:
        assert self.ended is not None  # noqa: S101  # it is one or the other
        return self.ended

    @property
    def experiment(self) -> Experiment:
        running = self.running.placement.experiment if self.running else None
        return running or self._ended.experiment

    @property
    def is_running(self) -> bool:
        return self.running is not None


def _outcome(message: str, change: Change, key: str, url: str) -> Outcome:
    changed = change.differences()
    return Outcome(
        message=message, url=url, target=key, before=changed["before"], after=changed["after"]
    )


def start(call: Call) -> Outcome:
    """Start an experiment in a placement."""
    name, experiment = call.data["placement"], call.data["experiment"]
    try:
        change = experiment_changes.start(placement=name, experiment=experiment, by=call.by)
    except ExperimentError as error:
        raise ActionError(f"{error}.") from error
    return _outcome(
        f"The experiment {experiment.name} runs: from the next request on each user keeps one "
        "variant.",
        change,
        name,
        reverse("admin:experiments_detail", args=[name]),
    )


def stop(call: Call) -> Outcome:
    """End an experiment; its placement stays as it is."""
    return _end(call, adopted=None)


def adopt(call: Call) -> Outcome:
    """End an experiment; its placement becomes one of the variants."""
    return _end(call, adopted=call.data["variant"])


def _end(call: Call, *, adopted: str | None) -> Outcome:
    row: Listed = call.row
    if row.running is None:
        raise ActionError("It has ended already.")
    try:
        if adopted is None:
            ended = experiment_changes.stop(stored=row.running, by=call.by)
        else:
            ended = experiment_changes.adopt(stored=row.running, variant=adopted, by=call.by)
    except ExperimentError as error:
        raise ActionError(f"{error}.") from error
    what = "shows what it showed before" if adopted is None else f"is its variant {adopted} now"
    return _outcome(
        f"The experiment {row.experiment.name} has ended: {row.placement_name} {what}, for "
        "everybody. The history of the placement leads back.",
        ended.change,
        row.placement_name,
        list_url("experiments"),
    )
