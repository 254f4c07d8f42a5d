"""Bring files in: upload one, match its columns, check its rows; its job then imports them."""

import secrets
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from core import audit
from core.middleware import content_policy
from core.staff.base import LONGEST_INPUT, ToolView
from core.staff.html import moment
from core.staff.links import detail_url, list_url
from core.validation import InvalidInputError, from_iso, validate
from recommendations.importing import Source, SourceError, s3
from recommendations.importing.parameters import PERMISSIONS, ImportParameters
from recommendations.importing.sample import Sample, take
from recommendations.services import jobs
from recommendations.services.jobs import Job
from recommendations.staff.import_forms import FileForm, MappingForm, kind_of, system_of, zones
from recommendations.staff.import_jobs import steps
from recommendations.staff.job_texts import file_name, size, state_badge

_RECENT = 5
# Enough for the first rows of most files.
_SAMPLE_BYTES = 256 * 1024


class Imports(ToolView):
    """Uploads, and what their columns mean."""

    title = "Import"
    permission = "jobs:run"

    def get(self, request: HttpRequest) -> HttpResponse:
        key = request.GET.get("key", "")[: 3 * LONGEST_INPUT]
        if not key:
            return self._upload_page()
        told = self._told()
        try:
            sample, count = _sample(key)
        except SourceError as error:
            return self._upload_page(problem=str(error), status=404)
        form = self._form(None, sample, told)
        return self._mapping_page(key, form, count)

    def post(self, request: HttpRequest) -> HttpResponse:
        key = request.GET.get("key", "")[: 3 * LONGEST_INPUT]
        try:
            sample, count = _sample(key)
        except SourceError as error:
            return self._upload_page(problem=str(error), status=404)
        form = self._form(request.POST, sample, None)
        if not form.is_valid():
            return self._mapping_page(key, form, count, status=400)
        try:
            parameters = form.parameters(key=key)
        except InvalidInputError as error:
            form.add_error(None, str(error))
            return self._mapping_page(key, form, count, status=400)
        if not request.user.has_perm(PERMISSIONS[parameters.kind]):
            raise PermissionDenied
        return self._check(msgspec.to_builtins(parameters))

    def _check(self, parameters: dict[str, Any]) -> HttpResponse:
        by = self.request.user.get_username()
        job = jobs.start(name="import", by=by, parameters=parameters)
        audit.record(by=by, action="imports.check", target=job.job_id, after=parameters)
        messages.success(self.request, "The rows are being checked; nothing is stored yet.")
        return HttpResponseRedirect(detail_url("jobs", job.job_id))

    def _told(self) -> ImportParameters | None:
        """Return what an earlier job was told about the file."""
        job_id = self.request.GET.get("job", "")[:LONGEST_INPUT]
        job = jobs.find(job_id=job_id) if job_id else None
        try:
            return None if job is None else validate(ImportParameters, job.parameters)
        except InvalidInputError:
            return None

    def _form(self, data: Any, sample: Sample, told: ImportParameters | None) -> MappingForm:
        asked = self.request.GET
        kind = kind_of(asked.get("kind", ""))
        if "system" in asked:
            system = system_of(asked["system"])
        else:
            system = told.system if told else sample.system
        known = kind or (told.kind if told else sample.kind)
        same = told is not None and told.kind == known and told.system == system
        return MappingForm(
            data, sample=sample, kind=known, system=system, told=told if same else None
        )

    def _upload_page(self, *, problem: str = "", status: int = 200) -> HttpResponse:
        form, policy = None, ""
        if settings.EXPORT_BUCKET:
            upload_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(8)}"
            then = self.request.build_absolute_uri(reverse("admin:imports"))
            try:
                form = s3.upload_form(upload_id=upload_id, then=then)
            except (BotoCoreError, ClientError):
                problem = "S3 cannot be reached just now; try again in a minute."
            else:
                policy = content_policy(forms_to=form.origin)
        recent = jobs.listing(name="import", limit=_RECENT).rows
        answer = self.page(
            "staff/recommendations/import_upload.html",
            self.title,
            status=status,
            problem=problem,
            upload=form,
            has_bucket=bool(settings.EXPORT_BUCKET),
            max_bytes=s3.MAX_BYTES,
            good_for=s3.FORM_SECONDS - 300,
            recent=[_recent(job) for job in recent],
            jobs_url=list_url("jobs", name="import"),
            steps=steps(0),
        )
        if policy:
            answer["Content-Security-Policy"] = policy
        return answer

    def _mapping_page(
        self, key: str, form: MappingForm, count: int, *, status: int = 200
    ) -> HttpResponse:
        file_form = FileForm(initial={"kind": form.kind, "system": form.system or ""})
        return self.page(
            "staff/recommendations/import_columns.html",
            "Match columns",
            status=status,
            key=key,
            name=PurePosixPath(key).name,
            size=size(count),
            format="CSV" if form.sample.format == "csv" else "JSON Lines",
            file_form=file_form,
            form=form,
            zones=zones() if form.kind == "events" else (),
            back_url=reverse("admin:imports"),
            steps=steps(1),
        )


def _sample(key: str) -> tuple[Sample, int]:
    """Return the beginning of a file, and how many bytes it has.

    Raises
    ------
    SourceError
        When it is not there, or cannot be read.
    """
    name = PurePosixPath(key).name
    if not key.startswith(s3.PREFIX) or not name:
        message = "this is not the address of an uploaded file; upload it again"
        raise SourceError(message)
    file = s3.S3File(key, range_bytes=_SAMPLE_BYTES)
    return take(Source(name, file=file, size=file.size)), file.size


def _recent(job: Job) -> dict[str, Any]:
    return {
        "url": detail_url("jobs", job.job_id),
        "name": file_name(job),
        "what": "check" if job.parameters.get("dry_run") else "import",
        "state": state_badge(job),
        "when": moment(from_iso(job.created_at)),
        "stored": job.result.get("stored", 0),
        "rejected": job.result.get("rejected", 0),
    }
