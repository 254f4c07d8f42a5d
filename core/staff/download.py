"""A list as a CSV file, from its first row on."""

import csv
import html
import io
from dataclasses import replace
from typing import Any

from django.http import HttpResponse
from django.utils.html import strip_tags
from django.utils.http import content_disposition_header

from core.spreadsheets import harmless
from core.staff.resource import Attachment, Query, Resource

# Keeps the answer below what a Lambda function may return, and the cost of a click bounded.
MAX_ROWS = 5_000
_PAGE = 100
CSV = "text/csv; charset=utf-8"


def csv_download(resource: Resource, query: Query) -> HttpResponse:
    """Return the first 5,000 rows that search and filters leave, with the columns of the page.

    Where hardly anything passes a filter it ends earlier; the file's name says when there is more.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([column.label for column in resource.columns])
    position = None
    for _ in range(MAX_ROWS // _PAGE):
        page = resource.page(replace(query, limit=_PAGE, position=position))
        for row in page.rows:
            writer.writerow([_text(column.value(row)) for column in resource.columns])
        position = page.next
        if position is None:
            break
    # "utf-8-sig" begins with a mark that tells spreadsheets that the text is UTF-8.
    content = out.getvalue().encode("utf-8-sig")
    part = "" if position is None else "-first-part"
    return attach(Attachment(name=f"{resource.name}{part}.csv", content=content, content_type=CSV))


def attach(attachment: Attachment) -> HttpResponse:
    """Return a file to download."""
    response = HttpResponse(attachment.content, content_type=attachment.content_type)
    response["Content-Disposition"] = content_disposition_header(
        as_attachment=True, filename=attachment.name
    )
    return response


def _text(cell: Any) -> str:
    text = str(cell)
    if hasattr(cell, "__html__"):
        text = html.unescape(strip_tags(text)).strip()
    if text == "\N{EN DASH}":
        return ""
    return harmless(text)
