"""A training in one process, from the first step to the last.

The live model serves untouched until all rows of the new one are stored; the switch is one
conditional write. Whatever fails before, or kills the job, leaves the live model as it is.
"""

from typing import Any

from recommendations.services import versions
from recommendations.services.progress import Progress
from recommendations.training import steps
from recommendations.training.refreshing import recently_active
from recommendations.training.timing import Timing


def train(
    progress: Progress,
    *,
    tune_seconds: float,
    timing: Timing | None = None,
    large_catalogue: int = steps.LARGE_CATALOGUE,
    checkpoint_seconds: float = steps.CHECKPOINT_SECONDS,
) -> dict[str, Any]:
    """Train a model on all stored events; publish it unless it is worse than the live one.

    Parameters
    ----------
    progress
        What the job reports through.
    tune_seconds
        Time to look for better parameters, at most a fifth of what is left; none when 0.
    timing
        The model is refined as far as time allows, and says how far.
    large_catalogue
        See `recommendations.training.fitting.Fitting`.
    checkpoint_seconds
        How often to keep what a long fit has solved, for the next run if this one dies.

    Returns
    -------
    dict
        What a person wants to know: version, whether and why it was published, sizes, quality.

    Raises
    ------
    NothingToLearnError
        When there are no events; the live model keeps serving.
    NotVerifiedError
        When the new model was published and cannot be read; the one before serves again.
    """
    timing = timing or Timing()
    data = steps.extract(progress)
    found = steps.checkpoint(data, seconds=checkpoint_seconds)
    choice = steps.choose(progress, data, found, seconds=tune_seconds, timing=timing)
    judgement = steps.evaluate(progress, data, choice, timing=timing)
    record = steps.gate(data, judgement)
    record = steps.fit(
        progress,
        data,
        record,
        found=found,
        save=steps.save_rows(record, progress, kept=steps.retained()),
        choice=judgement.choice,
        timing=timing,
        large_catalogue=large_catalogue,
    )
    record = steps.complete(record)
    published = steps.publish(progress, record)
    refreshed = 0
    if published:
        steps.verify(progress, record)
        # Whoever cancels from here on is told what has happened.
        progress.keep(steps.result(record, published=published))
        active = recently_active(data.interactions, now=data.began_at.timestamp())
        refreshed = steps.refresh(progress, active, timing=timing)
    versions.retire_old()
    return {**steps.result(record, published=published), "profiles_refreshed": refreshed}
