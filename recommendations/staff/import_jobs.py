"""The page of a job that imports a file or checks one: what came of it, and what to do next."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from core.staff.html import link, number, plain
from core.staff.links import action_url, detail_url, part_url
from core.staff.resource import (
    Action,
    ActionError,
    Attachment,
    Call,
    Column,
    Hint,
    Outcome,
    Panel,
    Part,
)
from core.validation import InvalidInputError, validate
from recommendations.exporting import s3 as files
from recommendations.importing import SourceError, s3
from recommendations.importing.corrections import MOST_ROWS
from recommendations.importing.job import report
from recommendations.importing.parameters import ImportParameters
from recommendations.services import jobs
from recommendations.services.jobs import Job
from recommendations.staff.import_forms import field_label
from recommendations.staff.job_texts import file_name, size

_CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
_WHOLE_ROW = "row"
# Where a message says what to do there.
_COMMAND_LINE = re.compile(r"say which type it is, on the command line .*", re.DOTALL)


def steps(now: int) -> list[dict[str, Any]]:
    """Return the steps of an import, and which one it is at."""
    names = ("Upload", "Match columns", "Check", "Import")
    return [{"name": name, "now": place == now} for place, name in enumerate(names)]


def _is_check(job: Job) -> bool:
    return job.name == "import" and bool(job.parameters.get("dry_run"))


def _may_be_imported(job: Job) -> bool:
    return _is_check(job) and job.state == "succeeded" and job.result.get("stored", 0) > 0


def _import(call: Call) -> Outcome:
    parameters = {**call.row.parameters, "dry_run": False}
    job = jobs.start(name="import", by=call.by, parameters=parameters)
    return Outcome(
        message="The import has started.",
        url=detail_url("jobs", job.job_id),
        target=job.job_id,
        after=parameters,
    )


IMPORT = Action(
    name="import",
    label="Import these rows",
    permission="jobs:run",
    question=(
        "Store all rows of this file that have no problem? A row with the id of one that is "
        "stored already replaces it. Rows with problems are left out; you can download them."
    ),
    confirm_label="Import",
    run=_import,
    # What came of a check leads there.
    listed=False,
    offered=_may_be_imported,
)


def _rejects(call: Call) -> Outcome:
    found = call.row.result["rejects"]
    name = found["key"].rpartition("/")[2]
    limit = settings.DOWNLOAD_BYTES
    if limit and found["bytes"] > limit:
        facts = [("File", link(name, files.link(found["key"]))), ("Size", size(found["bytes"]))]
        return Outcome(
            message=f"The link works for {files.LINK_SECONDS // 60} minutes.",
            panel=Panel(title="File", template="staff/panels/facts.html", context={"facts": facts}),
        )
    try:
        content = s3.get(found["key"])
    except SourceError as error:
        message = "This file is no longer there: files are deleted after some days. Check it again."
        raise ActionError(message) from error
    kind = _CONTENT_TYPES[call.row.parameters["format"]]
    return Outcome(message="", attachment=Attachment(name=name, content=content, content_type=kind))


REJECTS = Action(
    name="rejects",
    label="Download the rejected rows",
    permission="jobs:run",
    question=(
        "Download the rows with problems? The file holds what your file holds, customers included. "
        "Mend the rows, save it, and import it: what says why a row was rejected is left out."
    ),
    confirm_label="Download",
    run=_rejects,
    listed=False,
    offered=lambda row: "rejects" in row.result,
)


def _problems(request: HttpRequest, key: str) -> Mapping[str, Any]:
    job = jobs.find(job_id=key)
    if job is None or "problems" not in job.result:
        return {}
    if not request.user.has_perm("jobs:run"):
        return {"gone": "Only those who may import see the rows of a file."}
    try:
        found = report(job.result["problems"])
    except SourceError:
        return {"gone": "The list is no longer there: files are deleted after some days."}
    return {
        "kinds": [_in_words(row) for row in found.kinds],
        "first": [_in_words(row) for row in found.first],
        "rejected": found.rejected,
    }


def _in_words(row: Any) -> dict[str, Any]:
    """Return what is wrong in the words of this page: here nobody has a command line."""
    text = _COMMAND_LINE.sub("choose that under “Change the columns”.", row.text)
    field = "whole row" if row.field == _WHOLE_ROW else row.field
    return {"line": row.line, "field": field, "text": text, "row": row}


PROBLEMS = Part(name="problems", template="staff/recommendations/problems.html", load=_problems)


def go_on_after(job: Job) -> int:
    """Return the line after which a job that is run again has to store rows; 0 for all."""
    if _is_check(job) or job.state == "succeeded":
        return 0
    return max(job.result.get("last_line", 0), job.parameters.get("after_line", 0))


def import_title(job: Job) -> str:
    """Return what a reader calls the import of a file, or its check."""
    return f"{'Check' if _is_check(job) else 'Import'} of {file_name(job)}"


def mapping_url(job: Job) -> str:
    """Return the page that matches the columns of the job's file, as they were matched."""
    query = urlencode({"key": job.parameters.get("key", ""), "job": job.job_id})
    return f"{reverse('admin:imports')}?{query}"


def import_panels(request: HttpRequest, job: Job) -> Sequence[Panel]:
    """Return what came of it and what to do next, the problems, and how the file was read."""
    panels = [_next(request, job)] if job.result else []
    if "problems" in job.result:
        panels.append(
            Panel(
                title="Rows with problems",
                template="staff/panels/part.html",
                context={"url": part_url("jobs", job.job_id, "problems"), "is_short": True},
            )
        )
    return [*panels, *_told(job)]


def _next(request: HttpRequest, job: Job) -> Panel:
    check, result = _is_check(job), job.result
    kind = job.parameters.get("kind", "rows")
    stored, rejected = result.get("stored", 0), result.get("rejected", 0)
    may = request.user.has_perm("jobs:run")
    rejects = result.get("rejects")
    return Panel(
        title="What came of it" if not jobs.is_active(job) else "So far",
        template="staff/recommendations/import_result.html",
        context={
            "facts": [
                (f"{kind.capitalize()} {'that can be imported' if check else 'stored'}",
                 number(stored)),
                ("Rows with problems", number(rejected)),
                *([("Columns left out", plain(result["unused"]))] if result.get("unused") else []),
            ],
            "active": jobs.is_active(job),
            "clean": rejected == 0 and job.state == "succeeded",
            "check": check,
            "may_go_on": not check and job.state in {"failed", "cancelled"},
            "nothing": stored == 0,
            "import_url": action_url("jobs", "import", job.job_id)
            if may and _may_be_imported(job) else "",
            "rejects_url": action_url("jobs", "rejects", job.job_id) if may and rejects else "",
            "cut": rejects and rejected > MOST_ROWS and number(MOST_ROWS),
            "mapping_url": mapping_url(job) if may and not jobs.is_active(job) else "",
            "upload_url": reverse("admin:imports"),
            "list_url": reverse(f"admin:{kind}_list") if not check and stored else "",
            "kind": kind,
            "steps": steps(2 if check else 3),
        },
    )  # fmt: skip


def _told(job: Job) -> list[Panel]:
    try:
        told = validate(ImportParameters, job.parameters)
    except InvalidInputError:
        return []
    columns = [Column("Column of the file", lambda row: row[0]), Column("Is", lambda row: row[1])]
    matched = [
        *((name, field_label(field)) for name, field in told.columns.items()),
        *((name, "left out") for name in told.ignored),
    ]
    facts = [
        ("File", told.name),
        ("Holds", told.kind),
        ("Comes from", (told.system or "a file of one’s own").capitalize()),
        *([("Times without a zone", told.timezone)] if told.timezone else []),
        *((f"Type “{name}”", kind) for name, kind in told.types.items()),
    ]
    return [
        Panel(
            title="How the file is read",
            template="staff/panels/facts.html",
            context={"facts": facts},
            width="half",
        ),
        Panel(
            title="Columns",
            template="staff/panels/table.html",
            width="half",
            context={
                "label": "Columns of the file",
                "columns": columns,
                "rows": [[(column, column.value(row)) for column in columns] for row in matched],
                "hint": Hint("Each column is read as its name says."),
            },
        ),
    ]
