"""Take what is stored out of here: as a download, or as a file in S3 that a job writes."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.utils.http import content_disposition_header

from core import audit
from core.staff.base import ToolView
from core.staff.links import detail_url
from recommendations import exporting
from recommendations.services import jobs

_KINDS = {
    "events": "Events",
    "items": "Items",
    "users": "Users",
    "recommendations": "Everyone’s recommendations",
}
_FORMATS = {
    "jsonl": "JSON Lines, which can be imported again",
    "csv": "CSV, for spreadsheets",
}
_JOB = "jobs:run"
# Joined into pieces of this size: a row at a time would be slow to send.
_PIECE_BYTES = 64 * 1024


class ExportForm(forms.Form):
    """What to export, and as what."""

    kind = forms.ChoiceField(label="What", choices=list(_KINDS.items()))
    format = forms.ChoiceField(choices=list(_FORMATS.items()))


class Exports(ToolView):
    """Downloads and export jobs."""

    title = "Exports"
    permission = "recommendations:read"

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002  # Django's signature
        return self._page(ExportForm())

    def post(self, request: HttpRequest) -> Any:
        form = ExportForm(request.POST)
        if not form.is_valid():
            return self._page(form, status=400)
        parameters = dict(form.cleaned_data)
        to_s3 = "job" in request.POST
        needed = [exporting.PERMISSIONS[parameters["kind"]], *([_JOB] if to_s3 else [])]
        if not all(map(request.user.has_perm, needed)):
            raise PermissionDenied
        return self._start_job(parameters) if to_s3 else self._download(form, parameters)

    def _page(self, form: ExportForm, *, status: int = 200) -> HttpResponse:
        has_job = bool(settings.EXPORT_BUCKET) and self.request.user.has_perm(_JOB)
        return self.page(
            "staff/recommendations/exports.html",
            self.title,
            status=status,
            form=form,
            has_job=has_job,
        )

    def _start_job(self, parameters: dict[str, str]) -> HttpResponse:
        by = self.request.user.get_username()
        job = jobs.start(name="export", by=by, parameters=parameters)
        audit.record(by=by, action="jobs.export", target=job.job_id, after=parameters)
        messages.success(self.request, "The export has started; its page leads to the file.")
        return HttpResponseRedirect(detail_url("jobs", job.job_id))

    def _download(
        self, form: ExportForm, parameters: dict[str, str]
    ) -> HttpResponse | StreamingHttpResponse:
        kind: exporting.Kind = parameters["kind"]  # type: ignore[assignment]  # the form's choices
        file_format: exporting.Format = parameters["format"]  # type: ignore[assignment]
        content = exporting.encode(exporting.rows(kind), kind=kind, form=file_format)
        pieces = _pieces(content)
        # Read far enough to know that it fits: half a file would look like a whole one.
        head, fits = _head(pieces, settings.DOWNLOAD_BYTES)
        if not fits:
            form.add_error(None, _too_large())
            return self._page(form, status=413)
        audit.record(
            by=self.request.user.get_username(), action="exports.download", after=parameters
        )
        return StreamingHttpResponse(
            chain(head, pieces),
            content_type=exporting.CONTENT_TYPES[file_format],
            headers={
                "Cache-Control": "no-store",
                "Content-Disposition": content_disposition_header(
                    as_attachment=True, filename=exporting.file_name(kind, file_format)
                ),
            },
        )


def _too_large() -> str:
    megabytes = settings.DOWNLOAD_BYTES / 1024**2
    return (
        f"This is more than the {megabytes:.0f} MB that can be downloaded here. Write it to S3, or "
        "run “manage.py export” on a machine."
    )


def _pieces(content: Iterable[bytes]) -> Iterator[bytes]:
    piece = bytearray()
    for part in content:
        piece += part
        if len(piece) >= _PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def _head(pieces: Iterator[bytes], limit: int) -> tuple[list[bytes], bool]:
    """Return the pieces up to a limit in bytes, and whether that are all; 0 is no limit."""
    head: list[bytes] = []
    if limit:
        size = 0
        for piece in pieces:
            size += len(piece)
            if size > limit:
                return head, False
            head.append(piece)
    return head, True
