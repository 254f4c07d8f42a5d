"""Jobs: start one, and watch it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest

from core.pages import Page
from core.staff.html import NOTHING, age, badge, link, moment, number, percent
from core.staff.links import action_url, detail_url, part_url
from core.staff.resource import Action, Call, Column, Hint, Outcome, Panel, Part, Query, Resource
from core.validation import from_iso
from recommendations.exporting import s3
from recommendations.services import jobs
from recommendations.services.jobs import Job

_TONES = {"succeeded": "good", "failed": "bad", "running": "busy", "queued": "busy"}
_ACTIVE = frozenset({"queued", "running"})
_SILENT = timedelta(minutes=15)


def _start(
    call: Call, *, name: str = "train", parameters: Mapping[str, Any] | None = None
) -> Outcome:
    job = jobs.start(name=name, by=call.by, parameters=parameters)
    return Outcome(
        message=f"The job {name} has started.",
        url=detail_url("jobs", job.job_id),
        target=job.job_id,
    )


TRAIN = Action(
    name="train",
    label="Train now",
    permission="jobs:run",
    question=(
        "Train a new model on all events, and publish it unless it is worse than the live one? "
        "The live model keeps serving until then, and can be brought back at any time."
    ),
    confirm_label="Train now",
    run=_start,
    on_row=False,
)


def _link(call: Call) -> Outcome:
    job: Job = call.row
    minutes = s3.LINK_SECONDS // 60
    facts = [
        ("File", link(job.result["key"].rpartition("/")[2], s3.link(job.result["key"]))),
        ("Rows", number(job.rows)),
        ("Size", size(job.result["bytes"])),
    ]
    return Outcome(
        message=f"The link works for {minutes} minutes. Files are deleted after some days.",
        after=job.parameters,
        panel=Panel(title="File", template="staff/panels/facts.html", context={"facts": facts}),
    )


def size(count: int) -> str:
    """Return a number of bytes as a reader says it."""
    return f"{count / 1000**2:,.1f} MB" if count >= 100_000 else f"{count / 1000:,.1f} kB"


def state_badge(job: Job) -> Any:
    return badge(job.state, _TONES.get(job.state, ""))


def duration(job: Job) -> Any:
    """Return how long a job has taken, or has been at it."""
    if job.finished_at is None and job.state not in _ACTIVE:
        return NOTHING
    end = from_iso(job.finished_at) if job.finished_at else datetime.now(UTC)
    seconds = max(0, round((end - from_iso(job.created_at)).total_seconds()))
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"


def _progress(request: HttpRequest, key: str) -> Mapping[str, Any]:  # noqa: ARG001  # a part's signature
    job = jobs.find(job_id=key)
    return {} if job is None else progress_context(job)


def progress_context(job: Job) -> dict[str, Any]:
    """Return what the live part of a job's page shows."""
    active = job.state in _ACTIVE
    last_sign = from_iso(job.heartbeat_at or job.created_at)
    version = job.result.get("version")
    return {
        "job": job,
        "state": state_badge(job),
        "url": part_url("jobs", job.job_id, "progress") if active else "",
        "percent": round(100 * job.progress),
        "silent": age(last_sign) if active and datetime.now(UTC) - last_sign > _SILENT else "",
        "version": version,
        "rejected": job.result.get("reasons", []) if job.result.get("published") is False else [],
        "version_url": detail_url("models", version) if version else "",
        "facts": [
            ("Started by", job.started_by),
            ("Started (UTC)", moment(from_iso(job.created_at))),
            ("Duration", duration(job)),
            ("Rows handled", number(job.rows)),
            *((name.capitalize(), value) for name, value in job.parameters.items()),
        ],
        "result": [
            (label, form(job.result[name]))
            for name, label, form in (
                ("bytes", "Size", size),
                ("events", "Event lines", number),
                ("users", "Users", number),
                ("items", "Items", number),
                ("recall@20", "Recall@20", percent),
                ("popular_recall@20", "Recall@20 of the popular list", percent),
            )
            if name in job.result
        ],
    }


class JobResource(Resource):
    """Runs of jobs."""

    name = "jobs"
    singular = "Job"
    plural = "Jobs"
    permission = "recommendations:read"
    columns = (
        Column("Job", lambda row: f"{row.name} {row.job_id}"),
        Column("State", state_badge),
        Column("Step", lambda row: row.step, "wide-only"),
        Column("Started (UTC)", lambda row: moment(from_iso(row.created_at))),
        Column("Duration", duration, "num nowrap"),
        Column("By", lambda row: row.started_by, "wide-only"),
    )
    actions = (
        TRAIN,
        Action(
            name="again",
            label="Run again",
            permission="jobs:run",
            question="Run this job again, from the start? Its record stays as it is.",
            confirm_label="Run again",
            run=lambda call: _start(call, name=call.row.name, parameters=call.row.parameters),
            offered=lambda row: row.state not in _ACTIVE,
        ),
        Action(
            name="link",
            label="Link to the file",
            permission="jobs:run",
            question="Make a link to the exported file? Whoever has it may download all of it.",
            confirm_label="Make it",
            run=_link,
            offered=lambda row: "key" in row.result,
        ),
    )
    parts = (Part(name="progress", template="staff/recommendations/job.html", load=_progress),)

    def page(self, query: Query) -> Page[Job]:
        return jobs.listing(limit=query.limit, position=query.position)

    def key(self, row: Job) -> str:
        return row.job_id

    def find(self, key: str) -> Job | None:
        return jobs.find(job_id=key)

    def title(self, row: Job) -> str:
        return f"Job {row.name}"

    def empty(self, query: Query) -> Hint:  # noqa: ARG002  # there is nothing to narrow
        return Hint(
            "No job has run yet.", "Train a model now", action_url("jobs", "train"), "jobs:run"
        )

    def panels(self, request: HttpRequest, row: Job) -> Sequence[Panel]:  # noqa: ARG002  # for others
        return [
            Panel(
                title=f"Job {row.job_id}",
                template="staff/recommendations/job.html",
                context=progress_context(row),
            ),
        ]
