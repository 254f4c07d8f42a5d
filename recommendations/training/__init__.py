"""Training: from stored events to a published model version."""

from recommendations.training.pipeline import NothingToLearnError, train

__all__ = ["NothingToLearnError", "train"]
