"""Entry points of the jobs: ``zappa invoke <stage> recommendations.jobs.train`` and schedules.

The numerical packages are imported when a job runs, so the API may import this module.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings

from recommendations.services import (
    cleaning,
    counting,
    dead_letters,
    jobs,
    lists,
    notifications,
    stepwise,
)
from recommendations.services import rebuild as rebuilding


def train(event: Mapping[str, Any] | None = None, context: Any = None) -> dict[str, Any]:
    """Train a model on all events and publish it unless it is worse; return what came of it.

    ``job_id`` in the event names a queued job to run; otherwise a new one is recorded. On Lambda
    the model is refined as far as the function's time allows. The schedule only starts the state
    machine, where there is one.
    """
    from recommendations import training

    event = event or {}
    if _by_schedule(event) and settings.TRAINING_STATE_MACHINE:
        if jobs.is_at_work(name="train"):
            return _skipped("train")
        return {"job_id": jobs.start(name="train", by="schedule").job_id}
    timing = training.Timing(deadline=_deadline(context))

    def work(progress: jobs.Progress) -> dict[str, Any]:
        return training.train(progress, tune_seconds=settings.TRAINING_TUNE_SECONDS, timing=timing)

    return _run("train", work, event, on_end=notifications.training_ended)


def train_step(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Run one step of a training, as the state machine asks; return what is known of it by then.

    The event names the ``step``, a function of `recommendations.training.workflow`, and the
    ``job_id``.
    """
    from recommendations.training import Timing, workflow

    work = workflow.STEPS[event["step"]]
    timing = Timing(deadline=_deadline(context))
    job = stepwise.step(
        name="train", job_id=event["job_id"], work=lambda progress: work(progress, timing)
    )
    return {"job_id": job.job_id, **job.result}


def train_part(event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001  # Lambda's signature
    """Write one part of a model's rows, beside others that write other parts."""
    from recommendations.training import workflow

    job_id, part = event["job_id"], event["part"]
    stepwise.part(
        name="train",
        job_id=job_id,
        work=lambda count: workflow.write_part(job_id, part, on_rows=count),
    )
    return {}


def train_notify(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """End a training: give up what nobody needs any more, and tell whoever wants to know."""
    from recommendations.training import Timing, workflow

    timing = Timing(deadline=_deadline(context))
    job = stepwise.step(
        name="train",
        job_id=event["job_id"],
        work=lambda progress: workflow.finish(progress, timing),
        last=True,
    )
    notifications.training_ended(job)
    return {"job_id": job.job_id, **job.result}


def train_failed(event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001  # Lambda's signature
    """Note that a step of a training has failed for good, and tell whoever wants to know.

    ``error`` in the event is what Step Functions caught: ``Error`` and ``Cause``.
    """
    from recommendations.training import workflow

    job_id = str(event["job_id"])
    job = stepwise.fail(name="train", job_id=job_id, error=stepwise.reason(event["error"]))
    if job is not None:
        notifications.training_ended(job)
    workflow.clear(job_id)
    return {"job_id": job_id}


def export(event: Mapping[str, Any] | None = None, context: Any = None) -> dict[str, Any]:
    """Write events, items, users or everyone's recommendations to S3; return what came of it.

    ``job_id`` in the event names a queued job to run; otherwise a new one is recorded, with the
    event's ``parameters``: ``kind`` and ``format``.
    """
    from recommendations.exporting import job as exporting

    event = event or {}
    parameters = event.get("parameters")
    return _run_in_time("export", exporting.export, event, context, parameters=parameters)


def import_(event: Mapping[str, Any] | None = None, context: Any = None) -> dict[str, Any]:
    """Import a file that lies in S3, or check its rows; return what came of it.

    ``job_id`` in the event names a queued job to run; otherwise a new one is recorded, with the
    event's ``parameters``, those of `recommendations.importing.parameters`. It may be run again:
    nothing is stored twice.
    """
    from recommendations.importing import job as importing

    event = event or {}
    parameters = event.get("parameters")
    return _run_in_time("import", importing.import_file, event, context, parameters=parameters)


def count(event: Mapping[str, Any] | None = None, context: Any = None) -> dict[str, Any]:
    """Count the events that no stream has followed, newest first; return what came of it.

    ``job_id`` in the event names a queued job to run; otherwise a new one is recorded. On Lambda
    it stops in time, and the next run goes on from there.
    """
    return _run_in_time("count", counting.count, event, context)


def rebuild(event: Mapping[str, Any] | None = None, context: Any = None) -> dict[str, Any]:
    """Make profiles, counters and live lists anew from the events; return what came of it.

    ``job_id`` in the event names a queued job to run; otherwise a new one is recorded. On Lambda
    it stops in time, and the next run goes on from there.
    """
    return _run_in_time("rebuild", rebuilding.rebuild, event, context)


def clean(event: Mapping[str, Any] | None = None, context: Any = None) -> dict[str, Any]:
    """Remove what nobody needs any more and no time to live removes; return how much of what.

    ``job_id`` in the event names a queued job to run; otherwise a new one is recorded. On Lambda
    it stops in time, and the next run goes on from there.
    """
    return _run_in_time("clean", cleaning.clean, event, context)


def report(event: Mapping[str, Any] | None = None, context: Any = None) -> dict[str, Any]:
    """Measure the live model on the purchases of the last seven days; return how good it was.

    ``job_id`` in the event names a queued job to run; otherwise a new one is recorded.
    """
    from recommendations.training import Timing, weekly

    event = event or {}
    timing = Timing(deadline=_deadline(context))
    return _run(
        "report",
        lambda progress: weekly.report(progress, timing=timing),
        event,
        on_end=notifications.report_ended,
    )


def trend(event: Mapping[str, Any] | None = None, context: Any = None) -> dict[str, Any]:  # noqa: ARG001  # Lambda's signature
    """Make the live lists, which change with time even while nothing happens in the shop."""
    return _frequent("trend", lambda: dict(lists.refresh()), event or {})


def collect(event: Mapping[str, Any] | None = None, context: Any = None) -> dict[str, Any]:  # noqa: ARG001  # Lambda's signature
    """Keep as dead letters what Lambda has given up of the stream."""
    return _frequent("collect", lambda: {"records": dead_letters.collect()}, event or {})


def _run(
    name: str,
    work: Callable[[jobs.Progress], dict[str, Any]],
    event: Mapping[str, Any],
    **options: Any,
) -> dict[str, Any]:
    """Run a job that keeps a record, the queued one that the event names or a new one.

    What only the schedule wants, which may also ring twice, is no failure while a run is at work.
    """
    if _by_schedule(event) and jobs.is_at_work(name=name):
        return _skipped(name)
    job = jobs.run(
        name=name, work=work, job_id=event.get("job_id"), by=_started_by(event), **options
    )
    return {"job_id": job.job_id, **job.result}


def _run_in_time(
    name: str,
    work: Callable[..., dict[str, Any]],
    event: Mapping[str, Any] | None,
    context: Any,
    **options: Any,
) -> dict[str, Any]:
    """Run a job whose ``work`` is told when this process ends; see `_run`."""
    deadline = _deadline(context)
    return _run(name, lambda progress: work(progress, deadline=deadline), event or {}, **options)


def _skipped(name: str) -> dict[str, Any]:
    return {"skipped": f"another {name} job is running"}


def _frequent(
    name: str, work: Callable[[], dict[str, Any]], event: Mapping[str, Any]
) -> dict[str, Any]:
    """Do what is due every few minutes: recorded where somebody asked for it, else if it fails."""
    if not event.get("job_id"):
        return jobs.run_unrecorded(name=name, work=work, by=_started_by(event))
    return _run(name, lambda _: work(), event)


def _deadline(context: Any) -> float | None:
    left = getattr(context, "get_remaining_time_in_millis", None)
    return None if left is None else time.monotonic() + left() / 1000


def _started_by(event: Mapping[str, Any]) -> str:
    return str(event.get("by") or ("schedule" if _by_schedule(event) else "invoke"))


def _by_schedule(event: Mapping[str, Any]) -> bool:
    return bool(event.get("time"))
