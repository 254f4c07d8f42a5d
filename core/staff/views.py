"""The generic views: a list, a row, a live part of a row, an action, and other pages."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.views import View

from core import audit
from core.dynamodb.errors import CursorError
from core.staff.download import csv_download
from core.staff.links import action_url, detail_url, list_url, unquote_key
from core.staff.paging import Trail, read_trail
from core.staff.resource import Action, ActionError, Call, Filter, Hint, Query, Resource
from core.validation import InvalidInputError

if TYPE_CHECKING:
    from core.staff.site import StaffSite

_LONGEST_INPUT = 400


class StaffView(View):
    """A page of the staff site; who lacks its permission gets a page that says so."""

    # Given to `as_view`, which accepts only what the class has.
    site: "StaffSite" = None  # type: ignore[assignment]
    http_method_names = ["get", "head", "post"]

    def required_permission(self) -> str:
        raise NotImplementedError

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        permission = self.required_permission()
        if not request.user.has_perm(permission):
            return self.page(
                "staff/forbidden.html", "Not allowed", status=403, permission=permission
            )
        return super().dispatch(request, *args, **kwargs)

    def page(
        self, template: str, title: str, *, status: int = 200, **context: Any
    ) -> TemplateResponse:
        context = {**self.site.each_context(self.request), "title": title, **context}
        return TemplateResponse(self.request, template, context, status=status)


class ToolView(StaffView):
    """A page of its own; subclasses say which and render it."""

    title: str
    permission: str

    def required_permission(self) -> str:
        return self.permission


class ResourceView(StaffView):
    """A page of a resource."""

    resource: Resource = None  # type: ignore[assignment]

    def required_permission(self) -> str:
        return self.resource.permission

    def row(self) -> Any:
        """Return the row that the address names, or None where it names none.

        Raises
        ------
        Http404
            When there is no such row.
        """
        if "key" not in self.kwargs:
            return None
        key = unquote_key(self.kwargs["key"])
        row = self.resource.find(key) if len(key) <= _LONGEST_INPUT else None
        if row is None:
            raise Http404(self.resource.missing(key))
        return row

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().dispatch(request, *args, **kwargs)
        except Http404 as error:
            return self.page(
                "staff/missing.html",
                "Not found",
                status=404,
                explanation=str(error),
                resource=self.resource,
                list_url=list_url(self.resource.name),
            )


class ListView(ResourceView):
    """A list with search, filters and paging both ways."""

    def get(self, request: HttpRequest) -> HttpResponse:
        resource = self.resource
        search = request.GET.get("q", "").strip()[:_LONGEST_INPUT] if resource.search else ""
        chosen = _chosen_filters(request, resource.filters)
        params = {**({"q": search} if search else {}), **chosen}
        url = list_url(resource.name)
        scope = f"staff:{resource.name}?{urlencode(sorted(params.items()))}"
        try:
            trail = read_trail(request.GET.get("cursor", ""), scope=scope)
        except CursorError:
            messages.warning(
                request, "That link to a page no longer works; here is the first page."
            )
            return HttpResponseRedirect(_with(url, params))
        query = Query(
            search=search, filters=chosen, limit=resource.page_size, position=trail.position
        )
        if request.GET.get("format") == "csv":
            return csv_download(resource, query)
        page = resource.page(query)
        return self.page(
            "staff/list.html",
            resource.plural,
            resource=resource,
            query=query,
            columns=resource.columns,
            rows=[_cells(resource, row) for row in page.rows],
            filters=[_filter_context(f, chosen, params, url) for f in resource.filters],
            search_params=chosen,
            clear_url=url,
            hint=_for_user(request, resource.empty(query)),
            actions=offered(request, resource),
            csv_url=_with(url, {**params, "format": "csv"}),
            pages=_paging(trail, page.next, scope=scope, url=url, params=params),
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
        context = found.load(request, unquote_key(key)[:_LONGEST_INPUT])
        return TemplateResponse(request, found.template, {"data": context})


class ActionView(ResourceView):
    """Asks whether an action is meant, with its form if it has one, and then runs it."""

    action: Action

    def required_permission(self) -> str:
        action = self.resource.action(self.kwargs["action"], on_row="key" in self.kwargs)
        # Unknown actions are a 404 to whoever may see the resource.
        return action.permission if action else self.resource.permission

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        action = self.resource.action(kwargs["action"], on_row="key" in kwargs)
        if action is not None:
            self.action = action

    def subject(self) -> Any:
        """Return the row that the action is about, or None for one on the whole list."""
        if not hasattr(self, "action"):
            raise Http404(
                f"{self.resource.plural} have no action called “{self.kwargs['action']}”."
            )
        return self.row()

    def get(self, request: HttpRequest, **_: str) -> HttpResponse:
        row = self.subject()
        if not self.action.offered(row):
            messages.warning(request, f"“{self.action.label}” is not possible now.")
            return HttpResponseRedirect(self.back(row))
        return self.ask(row, self.form(row, None))

    def post(self, request: HttpRequest, **_: str) -> HttpResponse:
        row = self.subject()
        if not self.action.offered(row):
            messages.error(request, f"“{self.action.label}” is no longer possible.")
            return HttpResponseRedirect(self.back(row))
        form = self.form(row, request.POST)
        if form is not None and not form.is_valid():
            return self.ask(row, form, status=400)
        by = request.user.get_username()
        call = Call(by=by, row=row, data=form.cleaned_data if form is not None else {})
        try:
            outcome = self.action.run(call)
        except InvalidInputError as error:
            return self.ask(row, _with_errors(form, error), status=400, error=str(error))
        except ActionError as error:
            return self.ask(row, form, status=409, error=str(error))
        audit.record(
            by=by,
            action=f"{self.resource.name}.{self.action.name}",
            target=outcome.target or (self.resource.key(row) if row is not None else ""),
            before=outcome.before,
            after=outcome.after,
        )
        if outcome.panel is not None:
            return self.page(
                "staff/outcome.html",
                self.action.label,
                resource=self.resource,
                list_url=list_url(self.resource.name),
                message=outcome.message,
                panel=outcome.panel,
                next_url=outcome.url or self.back(row),
            )
        messages.success(request, outcome.message)
        return HttpResponseRedirect(outcome.url or self.back(row))

    def form(self, row: Any, data: Mapping[str, Any] | None) -> forms.Form | None:
        return self.action.form(row, data) if self.action.form is not None else None

    def back(self, row: Any) -> str:
        if row is not None and self.resource.has_detail:
            return detail_url(self.resource.name, self.resource.key(row))
        return list_url(self.resource.name)

    def ask(
        self, row: Any, form: forms.Form | None, *, status: int = 200, error: str = ""
    ) -> TemplateResponse:
        row_title = self.resource.title(row) if row is not None else ""
        return self.page(
            "staff/action.html",
            self.action.label,
            status=status,
            resource=self.resource,
            list_url=list_url(self.resource.name),
            row_title=row_title,
            row_url=self.back(row) if row is not None and self.resource.has_detail else "",
            action=self.action,
            question=self.action.question.format(title=row_title),
            form=form,
            error="" if form is not None and form.errors else error,
            back_url=self.back(row),
        )


def _for_user(request: HttpRequest, hint: Hint) -> Hint:
    if hint.permission and not request.user.has_perm(hint.permission):
        return Hint(hint.text)
    return hint


def offered(request: HttpRequest, resource: Resource, row: Any = None) -> list[dict[str, Any]]:
    """Return the actions that this person may run here, as links."""
    key = None if row is None else resource.key(row)
    return [
        {
            "label": action.label,
            "url": action_url(resource.name, action.name, key),
            "danger": action.danger,
        }
        for action in resource.actions
        if action.on_row == (row is not None)
        and request.user.has_perm(action.permission)
        and action.offered(row)
    ]


def _cells(resource: Resource, row: Any) -> dict[str, Any]:
    url = detail_url(resource.name, resource.key(row)) if resource.has_detail else ""
    return {"url": url, "cells": [(column, column.value(row)) for column in resource.columns]}


def _chosen_filters(request: HttpRequest, filters: Any) -> dict[str, str]:
    chosen = {}
    for item in filters:
        value = request.GET.get(item.name, "").strip()[:_LONGEST_INPUT]
        known = {choice for choice, _ in item.choices}
        if value and (not known or value in known):
            chosen[item.name] = value
    return chosen


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
    return {"filter": item, "value": value, "others": others, "links": links}


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


def _with_errors(form: forms.Form | None, error: InvalidInputError) -> forms.Form | None:
    """Put what a service refused beside the fields it is about."""
    if form is None:
        return None
    for field, texts in error.details.items():
        name = field.split("[")[0].split(".")[0]
        form.add_error(name if name in form.fields else None, texts)
    return form
