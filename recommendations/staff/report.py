"""The report of a model version, as a page of its own."""

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from core.staff.base import ToolView
from core.staff.links import detail_url, quote_key, unquote_key
from recommendations import reporting
from recommendations.services import report


def report_url(version: str) -> str:
    """Return the address of a version's report."""
    return reverse("model-report", args=[quote_key(version)])


class ReportView(ToolView):
    """Shows how good a version is and what it changes, for people to decide on."""

    title = "Report"
    permission = "recommendations:read"
    http_method_names = ["get", "head"]

    def get(self, _request: HttpRequest, key: str) -> HttpResponse:
        try:
            found = report.build(version=unquote_key(key))
        except report.NoReportError as error:
            raise Http404(str(error)) from error
        back = detail_url("models", found.version.version)
        return HttpResponse(reporting.as_html(found, back=back))
