"""The generic views of a resource: its list, a row, a live part of a row."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from core.dynamodb.cursors import decode_cursor, encode_cursor
from core.dynamodb.errors import CursorError
from core.staff.actions import offered
from core.staff.base import LONGEST_INPUT, ResourceView
from core.staff.bulk import offered_in_bulk
from core.staff.download import csv_download
from core.staff.links import detail_url, list_url, unquote_key
from core.staff.paging import Trail, read_trail
from core.staff.resource import Filter, Hint, Query, Resource

# The parameter by which the browser asks for the rows of a deferred list.
_ROWS = "rows"


class ListView(ResourceView):
    """A list with search, filters and paging both ways."""

    def get(self, request: HttpRequest) -> HttpResponse:
        resource = self.resource
        search = request.GET.get("q", "").strip()[:LONGEST_INPUT] if resource.search else ""
        chosen = _chosen_filters(request, resource.filters)
        params = {**({"q": search} if search else {}), **chosen}
        url = list_url(resource.name)
        scope = f"staff:{resource.name}?{urlencode(sorted(params.items()))}"
        try:
            trail = read_trail(request.GET.get("cursor", ""), scope=scope)
            prepared = _read_prepared(request, scope=scope)
        except CursorError:
            messages.warning(
                request, "That link to a page no longer works; here is the first page."
            )
            return HttpResponseRedirect(_with(url, params))
        query = Query(
            search=search,
            filters=chosen,
            limit=resource.page_size,
            position=trail.position,
            prepared=prepared,
        )
        if request.GET.get("format") == "csv":
            return csv_download(resource, query)
        found: dict[str, Any]
        if resource.is_deferred and _ROWS not in request.GET:
            cursor = encode_cursor([resource.prepare(query)], scope=scope + _ROWS)
            found = {"rows_url": _with(url, {**request.GET.dict(), _ROWS: cursor})}
        else:
            page = resource.page(query)
            found = {
                "rows": [_cells(resource, row) for row in page.rows],
                "pages": _paging(trail, page.next, scope=scope, url=url, params=params),
            }
        found |= {
            "resource": resource,
            "columns": resource.columns,
            "hint": _for_user(request, resource.empty(query)),
            "bulk_actions": offered_in_bulk(request, resource),
            "csv_url": _with(url, {**params, "format": "csv"}),
        }
        if resource.is_deferred and _ROWS in request.GET:
            return TemplateResponse(request, "staff/rows.html", found)
        return self.page(
            "staff/list.html",
            resource.plural,
            **found,
            query=query,
            panels=resource.list_panels(request, query),
            filters=[_filter_context(f, chosen, params, url) for f in resource.filters],
            has_typed_filters=bool(_typed(resource)),
            kept_params={n: v for n, v in params.items() if n not in _typed(resource)},
            search_params=chosen,
            clear_url=url,
            actions=offered(request, resource),
        )


class DetailView(ResourceView):
    """All there is about one row."""

    def get(self, request: HttpRequest, key: str) -> HttpResponse:  # noqa: ARG002  # from the address
        row = self.row()
        resource = self.resource
        return self.page(
            "staff/detail.html",
            resource.title(row),
            resource=resource,
            list_url=list_url(resource.name),
            panels=resource.panels(request, row),
            actions=offered(request, resource, row),
        )


class PartView(ResourceView):
    """A live part of a row's page, without the page around it."""

    def get(self, request: HttpRequest, key: str, part: str) -> HttpResponse:
        found = next((p for p in self.resource.parts if p.name == part), None)
        if found is None:
            raise Http404(f"{self.resource.plural} have no part called “{part}”.")
        context = found.load(request, unquote_key(key)[:LONGEST_INPUT])
        return TemplateResponse(request, found.template, {"data": context})


def _read_prepared(request: HttpRequest, *, scope: str) -> Any:
    """Return what the page of a deferred list has found out for its rows.

    Raises
    ------
    CursorError
        When the browser did not get it from us.
    """
    if _ROWS not in request.GET:
        return None
    (prepared,) = decode_cursor(request.GET[_ROWS], scope=scope + _ROWS)
    return prepared


def _for_user(request: HttpRequest, hint: Hint) -> Hint:
    if hint.permission and not request.user.has_perm(hint.permission):
        return Hint(hint.text)
    return hint


def _cells(resource: Resource, row: Any) -> dict[str, Any]:
    url = detail_url(resource.name, resource.key(row)) if resource.has_detail else ""
    return {
        "key": resource.key(row),
        "title": resource.title(row),
        "url": url,
        "cells": [(column, column.value(row)) for column in resource.columns],
    }


def _chosen_filters(request: HttpRequest, filters: Iterable[Filter]) -> dict[str, str]:
    chosen = {}
    for item in filters:
        value = request.GET.get(item.name, "").strip()[:LONGEST_INPUT]
        known = {choice for choice, _ in item.choices}
        if item.is_day and not _is_day(value):
            continue
        if value and (not known or value in known):
            chosen[item.name] = value
    return chosen


def _typed(resource: Resource) -> set[str]:
    return {item.name for item in resource.filters if not item.choices}


def _is_day(value: str) -> bool:
    try:
        return str(date.fromisoformat(value)) == value
    except ValueError:
        return False


def _filter_context(
    item: Filter, chosen: Mapping[str, str], params: Mapping[str, str], url: str
) -> dict[str, Any]:
    others = {name: value for name, value in params.items() if name != item.name}
    value = chosen.get(item.name, "")
    links = [{"label": "All", "url": _with(url, others), "selected": not value}] + [
        {
            "label": label,
            "url": _with(url, {**others, item.name: choice}),
            "selected": choice == value,
        }
        for choice, label in item.choices
    ]
    return {"filter": item, "value": value, "links": links}


def _paging(
    trail: Trail, next_position: Any, *, scope: str, url: str, params: Mapping[str, str]
) -> dict[str, str]:
    links = {"first_url": _with(url, params) if trail.positions else ""}
    previous = trail.previous_cursor(scope=scope)
    if previous is not None:
        links["previous_url"] = _with(url, {**params, **({"cursor": previous} if previous else {})})
    if next_position is not None:
        cursor = trail.next_cursor(next_position, scope=scope)
        links["next_url"] = _with(url, {**params, "cursor": cursor})
    return links


def _with(url: str, params: Mapping[str, str]) -> str:
    return f"{url}?{urlencode(params)}" if params else url
