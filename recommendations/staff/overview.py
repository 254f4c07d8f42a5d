"""The first page: how the shop does, what needs attention, how good the live model is, what ran."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from core.staff.charts import chart
from core.staff.html import age, moment, number
from core.staff.links import action_url, detail_url, list_url
from core.validation import from_iso
from recommendations.services import jobs, versions
from recommendations.services.jobs import Job
from recommendations.services.versions import ModelVersion
from recommendations.staff.job_panels import progress_context
from recommendations.staff.job_texts import state_badge
from recommendations.staff.models import beside_lists, data_range
from recommendations.staff.overview_parts import asked

_JOBS = 5
_SHORTEST_CHART = 7


def overview(request: HttpRequest) -> Mapping[str, Any]:
    """Return what ``staff/overview.html`` shows, in three round trips."""
    if not request.user.has_perm("recommendations:read"):
        return {}
    name = versions.live()
    live = versions.find(version=name) if name else None
    recent = jobs.listing(limit=_JOBS).rows
    active = next((job for job in recent if job.state in {"queued", "running"}), None)
    query = urlencode(asked(request))
    return {
        "live": None if live is None else _live(live),
        "chart": None if live is None else _chart(live),
        "jobs": [_job(job) for job in recent],
        "jobs_url": list_url("jobs"),
        "active": None if active is None else progress_context(active),
        "train_url": action_url("jobs", "train") if request.user.has_perm("jobs:run") else "",
        "counting": _counting(recent),
        "is_new": live is None,
        "numbers": {"url": f"{reverse('overview-numbers')}?{query}"},
        "attention": {"url": reverse("overview-attention"), "is_line": True},
        "stream": {"url": reverse("overview-stream"), "is_line": True},
    }


def _counting(recent: Sequence[Job]) -> dict[str, Any] | None:
    """Return the job that counts the history at the moment, while the numbers still grow."""
    job = next((job for job in recent if job.name == "count" and jobs.is_active(job)), None)
    if job is None:
        return None
    return {"percent": round(100 * job.progress), "url": detail_url("jobs", job.job_id)}


def _live(version: ModelVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "url": detail_url("models", version.version),
        "age": age(from_iso(version.created_at)),
        "data": data_range(version),
        "counts": (
            f"{number(version.data.get('events', 0))} event lines of "
            f"{number(version.data.get('users', 0))} users with "
            f"{number(version.data.get('items', 0))} items"
        ),
        "quality": beside_lists(version),
    }


def _chart(version: ModelVersion) -> Mapping[str, Any] | None:
    counts = version.data.get("daily") or []
    if len(counts) < _SHORTEST_CHART:
        return None
    last = from_iso(version.data["to"]).date()
    return chart("Event lines per day", counts, since=last - timedelta(days=len(counts) - 1))


def _job(job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "url": detail_url("jobs", job.job_id),
        "state": state_badge(job),
        "when": moment(from_iso(job.created_at)),
        "by": job.started_by,
        "error": job.error or "",
    }
