"""Training: from stored events to a published model version."""

from recommendations.training.data import NothingToLearnError
from recommendations.training.pipeline import train
from recommendations.training.timing import Timing

__all__ = ["NothingToLearnError", "Timing", "train"]
