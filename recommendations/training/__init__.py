"""Training: from stored events to a published model version."""

from recommendations.training.pipeline import NothingToLearnError, train
from recommendations.training.timing import Timing

__all__ = ["NothingToLearnError", "Timing", "train"]
