"""The first page: what there is, how good the live model is, what ran, what to do next."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from statistics import mean
from typing import Any

from django.http import HttpRequest

from core.staff.html import age, day, moment, number
from core.staff.links import action_url, detail_url, list_url
from core.validation import from_iso
from recommendations.services import jobs, versions
from recommendations.services.jobs import Job
from recommendations.services.versions import ModelVersion
from recommendations.staff.jobs import progress_context, state_badge
from recommendations.staff.models import beside_lists, data_range

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
    return {
        "tiles": _tiles(live),
        "live": None if live is None else _live(live),
        "chart": None if live is None else _chart(live),
        "jobs": [_job(job) for job in recent],
        "jobs_url": list_url("jobs"),
        "active": None if active is None else progress_context(active),
        "train_url": action_url("jobs", "train") if request.user.has_perm("jobs:run") else "",
        "is_new": live is None,
    }


def _tiles(live: ModelVersion | None) -> list[dict[str, Any]]:
    data = {} if live is None else live.data
    note = "in the live model" if live else "none learnt from yet"
    return [
        {"label": label, "value": number(data.get(key, 0)), "note": note, "url": list_url(resource)}
        for label, key, resource in (
            ("Users", "users", "users"),
            ("Items", "items", "items"),
            ("Event lines", "events", "events"),
        )
    ]


def _live(version: ModelVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "url": detail_url("models", version.version),
        "age": age(from_iso(version.created_at)),
        "data": data_range(version),
        "quality": beside_lists(version),
    }


def _chart(version: ModelVersion) -> dict[str, Any] | None:
    counts = version.data.get("daily") or []
    if len(counts) < _SHORTEST_CHART:
        return None
    last = from_iso(version.data["to"]).date()
    first = last - timedelta(days=len(counts) - 1)
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    return {
        "start": int(start.timestamp()),
        "counts": ",".join(map(str, counts)),
        "summary": (
            f"Event lines per day from {day(start)} to {day(from_iso(version.data['to']))}: "
            f"between {number(min(counts))} and {number(max(counts))}, "
            f"{number(round(mean(counts)))} on average."
        ),
    }


def _job(job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "url": detail_url("jobs", job.job_id),
        "state": state_badge(job),
        "when": moment(from_iso(job.created_at)),
        "by": job.started_by,
        "error": job.error or "",
    }
