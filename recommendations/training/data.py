"""What a training learns from, read once at its beginning."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from recommendations.engine.interactions import Interactions
from recommendations.services import preferences as preferences_service
from recommendations.services.jobs import JobError
from recommendations.training.catalogue import Catalogue, read_catalogue
from recommendations.training.extract import extract


class NothingToLearnError(JobError):
    """There are no events that say anything about what goes with what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """The events and the catalogue as they were when the training began.

    Attributes
    ----------
    skipped
        How many rows were left out for which reason.
    trending_days
        Over how many days the shop counts what is trending.
    began_at
        When reading began.
    """

    interactions: Interactions
    catalogue: Catalogue
    skipped: dict[str, int]
    trending_days: float
    began_at: datetime

    @property
    def latest(self) -> float:
        """Return the time of the newest event, in epoch seconds: a model is made for then."""
        return self.interactions.span[1]


def read_data(*, now: datetime, on_rows: Callable[[int], None] = lambda _: None) -> TrainingData:
    """Read all events and products.

    Raises
    ------
    NothingToLearnError
        When there are no events to learn from.
    """
    preferences = preferences_service.find().preferences
    read = extract(preferences=preferences, on_rows=on_rows)
    if not len(read.interactions):
        raise NothingToLearnError(_nothing(read.skipped))
    catalogue = read_catalogue()
    skipped = dict(read.skipped)
    if catalogue.unreadable:
        skipped["unreadable products"] = catalogue.unreadable
    return TrainingData(
        interactions=read.interactions,
        catalogue=catalogue,
        skipped=skipped,
        trending_days=preferences.trending_days,
        began_at=now,
    )


def _nothing(skipped: dict[str, int]) -> str:
    message = "there are no purchases, views or likes to learn from; import events first"
    if skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
        message = f"{message} (left out: {reasons})"
    return message
