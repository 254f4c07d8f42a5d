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
    run,
)
from recommendations.importing.sources import SourceError

__all__ = [
    "ALIASES",
    "Kind",
    "Plan",
    "Progress",
    "Reject",
    "RejectsFile",
    "SourceError",
    "StoppedError",
    "Summary",
    "System",
    "latest_event",
    "run",
]
