"""Read files of events, products and customers into the shop's tables."""

from recommendations.importing.columns import ALIASES, Kind
from recommendations.importing.rejects import Reject, RejectsFile
from recommendations.importing.runner import (
    Plan,
    Progress,
    StoppedError,
    Summary,
    System,
    latest_event,
    records,
    run,
)
from recommendations.importing.sources import Source, SourceError

__all__ = [
    "ALIASES",
    "Kind",
    "Plan",
    "Progress",
    "Reject",
    "RejectsFile",
    "Source",
    "SourceError",
    "StoppedError",
    "Summary",
    "System",
    "latest_event",
    "records",
    "run",
]
