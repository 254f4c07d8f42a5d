"""Entry points of the jobs: ``zappa invoke <stage> recommendations.jobs.train`` and schedules.

The numerical packages are imported when a job runs, so the API may import this module.
"""

from collections.abc import Mapping
from typing import Any

from recommendations.services import jobs


def train(event: Mapping[str, Any] | None = None, context: object = None) -> dict[str, Any]:  # noqa: ARG001  # Lambda's signature
    """Train a model on all events and publish it; return its version and quality.

    ``job_id`` in the event names a queued job to run; otherwise a new one is recorded.
    """
    from recommendations.training import train as work

    event = event or {}
    job = jobs.run(name="train", work=work, job_id=event.get("job_id"), by=_started_by(event))
    return {"job_id": job.job_id, **job.result}


def _started_by(event: Mapping[str, Any]) -> str:
    return str(event.get("by") or ("schedule" if event.get("time") else "invoke"))
