"""Jobs: what runs when, start one, watch it, stop it, and run it again."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest

from core.pages import Page
from core.staff.html import link, moment, number
from core.staff.links import action_url, detail_url
from core.staff.resource import (
    Action,
    ActionError,
    Call,
    Column,
    Filter,
    Hint,
    Outcome,
    Panel,
    Part,
    Query,
    Resource,
)
from core.validation import from_iso
from recommendations.exporting import s3
from recommendations.services import jobs
from recommendations.services.jobs import Job, JobError
from recommendations.staff.import_jobs import (
    IMPORT,
    PROBLEMS,
    REJECTS,
    go_on_after,
    import_panels,
    import_title,
)
from recommendations.staff.job_panels import load_progress, progress_context, schedule_panel
from recommendations.staff.job_texts import (
    DESCRIPTIONS,
    duration,
    estimated_cost,
    label,
    rows_handled,
    size,
    state_and_step,
)
from recommendations.staff.weekly import weekly_panels

_LABELS = {
    "train": "Train now",
    "trend": "Refresh lists",
    "report": "Measure now",
    "clean": "Clean up",
    "count": "Count events",
    "rebuild": "Rebuild",
    "collect": "Look for failed records",
}
_STATES = ("queued", "running", "succeeded", "failed", "cancelled")


def _start(call: Call, *, name: str, parameters: Mapping[str, Any] | None = None) -> Outcome:
    job = jobs.start(name=name, by=call.by, parameters=parameters)
    return Outcome(
        message=f"The job {name} has started.",
        url=detail_url("jobs", job.job_id),
        target=job.job_id,
    )


def _starting(name: str) -> Action:
    return Action(
        name=name,
        label=_LABELS[name],
        permission="jobs:run",
        question=DESCRIPTIONS[name].question,
        confirm_label=_LABELS[name],
        run=lambda call: _start(call, name=name),
        on_row=False,
        # The table above the list leads to the others.
        listed=name == "train",
    )


STARTING = {name: _starting(name) for name in _LABELS}
TRAIN = STARTING["train"]


def _again(call: Call) -> Outcome:
    job: Job = call.row
    parameters = job.parameters
    if job.name == "import":
        parameters = {**parameters, "after_line": go_on_after(job)}
    return _start(call, name=job.name, parameters=parameters)


def _cancel(call: Call) -> Outcome:
    try:
        job = jobs.cancel(job_id=call.row.job_id, by=call.by)
    except JobError as error:
        message = "This job has ended by now; there is nothing to cancel."
        raise ActionError(message) from error
    done = "is cancelled" if job.state == "cancelled" else "stops as soon as it can"
    return Outcome(message=f"The job {job.name} {done}.")


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


def _may_be_retried(job: Job) -> bool:
    return job.name in jobs.NAMES and job.state in {"failed", "cancelled"}


def _may_be_repeated(job: Job) -> bool:
    return job.name in jobs.NAMES and job.state == "succeeded"


class JobResource(Resource):
    """Runs of jobs."""

    name = "jobs"
    singular = "Job"
    plural = "Jobs"
    permission = "recommendations:read"
    columns = (
        Column("Job", label, "breakable"),
        Column("State", state_and_step),
        Column("Started (UTC)", lambda row: moment(from_iso(row.created_at))),
        Column("Duration", duration, "num nowrap"),
        Column("Rows", rows_handled, "num wide-only"),
        Column("Cost", estimated_cost, "num nowrap wide-only"),
        Column("By", lambda row: row.started_by, "wide-only"),
    )
    filters = (
        Filter(name="name", title="job", choices=tuple((name, name) for name in jobs.NAMES)),
        Filter(name="state", title="state", choices=tuple((state, state) for state in _STATES)),
    )
    actions = (
        *STARTING.values(),
        Action(
            name="cancel",
            label="Cancel",
            permission="jobs:run",
            question=(
                "Cancel this job? If it waits it never starts; if it runs it stops at its next "
                "step. What it has stored by then stays, and the live model keeps serving."
            ),
            confirm_label="Cancel the job",
            danger=True,
            run=_cancel,
            offered=lambda row: jobs.is_active(row) and row.cancelled_by is None,
        ),
        IMPORT,
        REJECTS,
        Action(
            name="link",
            label="Link to the file",
            permission="jobs:run",
            question="Make a link to the exported file? Whoever has it may download all of it.",
            confirm_label="Make it",
            run=_link,
            offered=lambda row: "key" in row.result,
        ),
        Action(
            name="retry",
            label="Retry",
            permission="jobs:run",
            question="Start this job once more, as it was told to be done? Its record stays.",
            confirm_label="Retry",
            run=_again,
            offered=_may_be_retried,
        ),
        Action(
            name="again",
            label="Run again",
            permission="jobs:run",
            question="Run this job again, from the start? Its record stays as it is.",
            confirm_label="Run again",
            run=_again,
            offered=_may_be_repeated,
        ),
    )
    parts = (
        Part(name="progress", template="staff/recommendations/job.html", load=load_progress),
        PROBLEMS,
    )

    def page(self, query: Query) -> Page[Job]:
        return jobs.listing(
            name=query.filters.get("name"),
            state=query.filters.get("state"),
            limit=query.limit,
            position=query.position,
        )

    def list_panels(self, request: HttpRequest, query: Query) -> Sequence[Panel]:
        return () if query.is_narrowed or query.position else [schedule_panel(request)]

    def key(self, row: Job) -> str:
        return row.job_id

    def find(self, key: str) -> Job | None:
        return jobs.find(job_id=key)

    def title(self, row: Job) -> str:
        return import_title(row) if row.name == "import" else f"Job {row.name}"

    def empty(self, query: Query) -> Hint:
        if query.is_narrowed:
            return super().empty(query)
        return Hint(
            "No job has run yet.", "Train a model now", action_url("jobs", "train"), "jobs:run"
        )

    def panels(self, request: HttpRequest, row: Job) -> Sequence[Panel]:
        return [
            Panel(
                title=f"Job {row.job_id}",
                template="staff/recommendations/job.html",
                context=progress_context(row),
            ),
            *(import_panels(request, row) if row.name == "import" else ()),
            *weekly_panels(row),
        ]
