"""Which experiment a placement runs, and since when."""

from collections.abc import Sequence
from datetime import UTC, date, timedelta

from core.validation import from_iso
from recommendations.measures import Experiment
from recommendations.placements import Experiment as Setup
from recommendations.services import placements
from recommendations.services.placements import KEPT_VERSIONS, Version


def running(*, placement: str) -> Experiment | None:
    """Return the experiment of a placement as it has been since its last change, or None.

    One round trip: it looks back through the versions of the placement.

    Raises
    ------
    UnknownPlacementError
        When there never was a placement of this name.
    """
    versions = placements.history(name=placement, limit=KEPT_VERSIONS).rows
    if not versions:
        raise UnknownPlacementError(placement)
    current = _setup(versions[0])
    if current is None:
        return None
    return Experiment(
        weights={variant.name: variant.weight for variant in current.variants},
        since=_since(current, versions),
    )


class UnknownPlacementError(LookupError):
    """There never was a placement of this name."""


def _setup(version: Version) -> Setup | None:
    return None if version.placement is None else version.placement.experiment


def _since(current: Setup, versions: Sequence[Version]) -> date:
    """Return the first day that has nothing but the present setup in it."""
    first, before = versions[0], None
    for version in versions:
        if _setup(version) != current:
            before = _setup(version)
            break
        first = version
    day = from_iso(first.saved_at).astimezone(UTC).date()
    # Variants that had their names before may have counts of the day from before.
    names = {variant.name for variant in current.variants}
    if before is not None and names & {variant.name for variant in before.variants}:
        return day + timedelta(days=1)
    return day
