"""Actions: offered as links, asked about on a page of their own, run on POST, written down."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from core import audit
from core.staff.base import ResourceView
from core.staff.download import attach
from core.staff.links import action_url, detail_url, list_url
from core.staff.resource import Action, ActionError, Call, Resource
from core.validation import InvalidInputError


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
            return self.ask(row, with_errors(form, error), status=400, error=str(error))
        except ActionError as error:
            return self.ask(row, form, status=409, error=str(error))
        audit.record(
            by=by,
            action=f"{self.resource.name}.{self.action.name}",
            target=outcome.target or (self.resource.key(row) if row is not None else ""),
            before=outcome.before,
            after=outcome.after,
        )
        if outcome.attachment is not None:
            return attach(outcome.attachment)
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


def offered(request: HttpRequest, resource: Resource, row: Any = None) -> list[dict[str, Any]]:
    """Return the pages and actions that this person may open and run here, as links."""
    key = None if row is None else resource.key(row)
    links = [
        {"label": link.label, "url": link.url(row), "danger": False}
        for link in resource.links
        if link.on_row == (row is not None) and request.user.has_perm(link.permission)
    ]
    return links + [
        {
            "label": action.label,
            "url": action_url(resource.name, action.name, key),
            "danger": action.danger,
        }
        for action in resource.actions
        if action.listed
        and action.on_row == (row is not None)
        and request.user.has_perm(action.permission)
        and action.offered(row)
    ]


def with_errors(form: forms.Form | None, error: InvalidInputError) -> forms.Form | None:
    """Put what a service refused beside the fields it is about."""
    if form is None:
        return None
    for field, texts in error.details.items():
        name = field.split("[")[0].split(".")[0]
        form.add_error(name if name in form.fields else None, texts)
    return form
