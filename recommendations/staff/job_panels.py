"""The parts of the pages of jobs: the schedule, how far one is, and its log."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from core.staff.html import NOTHING, age, badge, link, moment, number, percent, row_link
from core.staff.links import action_url, detail_url, list_url, part_url
from core.staff.resource import Column, Panel
from core.validation import from_iso
from recommendations.services import jobs, schedule
from recommendations.services.jobs import Job, LastRun
from recommendations.services.schedule import Planned
from recommendations.staff.job_texts import (
    DESCRIPTIONS,
    TONES,
    describe,
    duration,
    estimated_cost,
    size,
    soon,
    state_badge,
    took,
    units,
)

_SILENT = timedelta(minutes=15)
_PAGES = {"export": "admin:exports", "import": "admin:imports"}


def schedule_panel(request: HttpRequest) -> Panel:
    """Return all jobs: what each does, when it runs, how it ended last, and where to start it."""
    may_run = request.user.has_perm("jobs:run")
    deployed = bool(settings.JOBS_FUNCTION)
    columns = [
        Column("Job", lambda row: link(row.name, list_url("jobs", name=row.name))),
        Column("What it does", lambda row: describe(row.name), "wide-only"),
        Column("Runs by itself", _when),
        *([Column("Next (UTC)", lambda row: soon(row.next_at), "wide-only")] if deployed else []),
        Column("Last run (UTC)", _last),
        *([Column("Start", _start, "nowrap")] if may_run else []),
    ]
    note = (
        "No schedule runs on this machine: “Runs by itself” is what a deployment does. Start jobs "
        "here by hand."
    )
    return Panel(
        title="What runs when",
        template="staff/panels/table.html",
        description="" if deployed else note,
        context={
            "label": "Jobs and their schedule",
            "columns": columns,
            "rows": [
                [(column, column.value(row)) for column in columns] for row in schedule.plan()
            ],
        },
    )


def _when(row: Planned) -> Any:
    return schedule.in_words(row.expression) if row.expression else "by hand only"


def _last(row: Planned) -> Any:
    if row.last is None:
        return NOTHING
    return _run_link(row.last)


def _run_link(last: LastRun) -> Any:
    state = badge(last.state, TONES.get(last.state, ""))
    when = moment(from_iso(last.finished_at))
    if last.job_id is not None:
        when = row_link("jobs", last.job_id, when)
    return format_html("{} {}", when, state)


def _start(row: Planned) -> Any:
    if row.name in _PAGES:
        return link("Open", reverse(_PAGES[row.name]))
    if row.name not in DESCRIPTIONS:
        return NOTHING
    return link("Run", action_url("jobs", row.name))


def load_progress(_: HttpRequest, key: str) -> Mapping[str, Any]:
    """Return the live part of a job's page; when the job has ended the whole page comes anew."""
    job = jobs.find(job_id=key)
    if job is None:
        return {}
    return {**progress_context(job), "ended": not jobs.is_active(job)}


def progress_context(job: Job) -> dict[str, Any]:
    """Return what the live part of a job's page shows."""
    active = jobs.is_active(job)
    last_sign = from_iso(job.heartbeat_at or job.created_at)
    version = job.result.get("version")
    return {
        "job": job,
        "does": describe(job.name),
        "state": state_badge(job),
        "url": part_url("jobs", job.job_id, "progress") if active else "",
        "percent": round(100 * job.progress),
        "stopping": job.state == "running" and job.cancelled_by,
        "silent": age(last_sign) if active and datetime.now(UTC) - last_sign > _SILENT else "",
        "version": version,
        "rejected": job.result.get("reasons", []) if job.result.get("published") is False else [],
        "version_url": detail_url("models", version) if version else "",
        "facts": [
            ("Started by", job.started_by),
            ("Started (UTC)", moment(from_iso(job.created_at))),
            ("Duration", duration(job)),
            ("Rows handled", number(job.rows)),
            ("Consumed", units(job)),
            ("Cost of DynamoDB, about", estimated_cost(job)),
            *_where(job),
            *_told(job),
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
                ("versions", "Versions given up", number),
                ("neighbour_rows", "Neighbour rows shortened or removed", number),
                ("jobs", "Records of jobs removed", number),
                ("files", "Files removed", number),
            )
            if name in job.result
        ],
        "log": log_lines(job),
        "log_is_open": job.state != "succeeded",
    }


def _where(job: Job) -> list[tuple[str, Any]]:
    """Return where AWS shows the execution of a job that runs step by step."""
    if job.execution is None:
        return []
    region = job.execution.split(":")[3]
    console = f"https://{region}.console.aws.amazon.com/states/home?region={region}"
    address = f"{console}#/v2/executions/details/{job.execution}"
    return [("Runs step by step in", link("AWS Step Functions", address))]


def _told(job: Job) -> list[tuple[str, Any]]:
    """Return the parameters that a reader understands; an import has a panel of its own."""
    if job.name == "import":
        return []
    return [(name.capitalize(), value) for name, value in job.parameters.items()]


def log_lines(job: Job) -> list[dict[str, Any]]:
    """Return the lines of a job's log, each with how long after the start it came."""
    begun = from_iso(job.created_at)
    return [
        {
            "after": took((from_iso(line.at) - begun).total_seconds()),
            "at": line.at,
            "level": line.level,
            "text": line.text,
        }
        for line in job.log
    ]
