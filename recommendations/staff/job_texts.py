"""What the pages say about jobs, in the same words everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.utils.html import format_html

from core.prices import database_cost, listed
from core.staff.costs import dollars
from core.staff.html import NOTHING, badge, moment, number
from core.usage import Usage
from core.validation import from_iso
from recommendations.services.jobs import Job

TONES = {
    "succeeded": "good",
    "failed": "bad",
    "running": "busy",
    "queued": "busy",
    "cancelled": "",
}


@dataclass(frozen=True, slots=True)
class Description:
    """What a job does, and what to know before one starts it."""

    does: str
    question: str


DESCRIPTIONS: Mapping[str, Description] = {
    "train": Description(
        "Learns a new model from all events, and publishes it unless it is worse.",
        "Train a new model on all events, and publish it unless it is worse than the live one? "
        "The live model keeps serving until then, and can be brought back at any time.",
    ),
    "trend": Description(
        "Makes the popular, trending and latest lists anew from the counters.",
        "Make the popular, trending and latest lists anew? It takes seconds and changes no data.",
    ),
    "report": Description(
        "Measures the live model on the purchases of the last seven days.",
        "Measure the live model on the purchases of the last seven days? It changes nothing.",
    ),
    "clean": Description(
        "Removes rows that nobody needs any more, as those of old model versions.",
        "Remove rows that nobody needs any more? What is shown to anybody stays. One that is "
        "stopped goes on from there.",
    ),
    "count": Description(
        "Counts events that the stream has not followed, as after an import on a machine.",
        "Count the events that the stream has not followed, the newest first? It costs as much as "
        "these events would have when they came in. One that is stopped goes on from there.",
    ),
    "rebuild": Description(
        "Makes counters, profiles and lists anew from all events.",
        "Make counters, profiles and lists anew from all events? The shop keeps running; it costs "
        "as much as all events did when they came in. One that is stopped goes on from there.",
    ),
    "collect": Description(
        "Looks for events that the stream has given up, and lists them as failed records.",
        "Look for events that the stream has given up? What is found is listed as failed records.",
    ),
    "export": Description("Writes events, items, users or ready lists to a file in S3.", ""),
    "import": Description("Stores the rows of an uploaded file, or checks them.", ""),
}


def file_name(job: Job) -> str:
    """Return what the file of an import is called."""
    return PurePosixPath(str(job.parameters.get("key", "a file"))).name


def label(job: Job) -> str:
    """Return what stands for a job in a list."""
    if job.name != "import":
        return job.name
    return f"{'check' if job.parameters.get('dry_run') else 'import'} {file_name(job)}"


def describe(name: str) -> str:
    """Return what a job does, in a sentence."""
    found = DESCRIPTIONS.get(name)
    return "" if found is None else found.does


def size(count: int) -> str:
    """Return a number of bytes as a reader says it."""
    return f"{count / 1000**2:,.1f} MB" if count >= 100_000 else f"{count / 1000:,.1f} kB"


def state_badge(job: Job) -> Any:
    if job.state == "running" and job.cancelled_by is not None:
        return badge("stopping", "busy")
    return badge(job.state, TONES.get(job.state, ""))


def state_and_step(job: Job) -> Any:
    """Return the state of a job, and at which step it is or ended where that says something."""
    state = state_badge(job)
    return state if job.state == "succeeded" else format_html("{} {}", state, job.step)


def took(seconds: float) -> str:
    """Return a length of time as a reader says it."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def duration(job: Job) -> Any:
    """Return how long a job has taken, or has been at it."""
    if job.finished_at is None and job.state not in {"queued", "running"}:
        return NOTHING
    end = from_iso(job.finished_at) if job.finished_at else datetime.now(UTC)
    return took((end - from_iso(job.created_at)).total_seconds())


def rows_handled(job: Job) -> Any:
    return number(job.rows) if job.rows else NOTHING


def units(job: Job) -> str:
    """Return what a job has consumed of DynamoDB."""
    read, write = (round(job.cost.get(name, 0)) for name in ("read_units", "write_units"))
    return f"{read:,} read, {write:,} write units"


def estimated_cost(job: Job) -> Any:
    """Return what DynamoDB asks for what a job has consumed, about."""
    used = Usage(
        read_units=job.cost.get("read_units", 0), write_units=job.cost.get("write_units", 0)
    )
    _, prices = listed(settings.DYNAMODB["REGION"])
    return dollars(database_cost(used, prices))


def soon(time: datetime | None) -> Any:
    """Return a time to come, and in how long."""
    if time is None:
        return NOTHING
    left = time - datetime.now(UTC)
    if left < timedelta(minutes=1):
        return "within a minute"
    if left < timedelta(hours=1):
        return f"in {left.seconds // 60} min"
    return moment(time)
