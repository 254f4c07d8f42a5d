"""One action on several rows of a list at once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from core import audit
from core.staff.actions import with_errors
from core.staff.base import ResourceView
from core.staff.links import bulk_url, list_url
from core.staff.resource import Action, ActionError, Call, Outcome, Resource
from core.validation import InvalidInputError


class BulkActionView(ResourceView):
    """Asks whether an action is meant for the chosen rows, and then runs it on them."""

    @property
    def action(self) -> Action | None:
        found = self.resource.action(self.kwargs["action"], on_row=True)
        return found if found is not None and found.bulk else None

    def required_permission(self) -> str:
        return self.action.permission if self.action else self.resource.permission

    def get(self, request: HttpRequest, action: str) -> HttpResponse:
        chosen, rows = self._chosen(request.GET.getlist("key"), name=action)
        if not rows:
            messages.warning(request, f"“{chosen.label}” needs rows: tick some of them first.")
            return HttpResponseRedirect(list_url(self.resource.name))
        return self._ask(chosen, rows, _form(chosen, None))

    def post(self, request: HttpRequest, action: str) -> HttpResponse:
        chosen, rows = self._chosen(request.POST.getlist("key"), name=action)
        form = _form(chosen, request.POST)
        if form is not None and not form.is_valid():
            return self._ask(chosen, rows, form, status=400)
        by = request.user.get_username()
        data = {} if form is None else form.cleaned_data
        try:
            if chosen.run_many is not None and rows:
                outcome = chosen.run_many(Call(by=by, rows=rows, data=data))
                self._record(chosen, outcome, [self.resource.key(row) for row in rows])
                messages.success(request, outcome.message)
            else:
                self._run_each(chosen, rows, data)
        except InvalidInputError as error:
            form = with_errors(form, error)
            return self._ask(chosen, rows, form, status=400, error=str(error))
        except ActionError as error:
            return self._ask(chosen, rows, form, status=409, error=str(error))
        return HttpResponseRedirect(list_url(self.resource.name))

    def _run_each(self, action: Action, rows: Sequence[Any], data: Mapping[str, Any]) -> None:
        by = self.request.user.get_username()
        done = 0
        for row in rows:
            try:
                outcome = action.run(Call(by=by, row=row, data=data))
            except ActionError as error:
                messages.error(self.request, f"{self.resource.title(row)}: {error}")
                continue
            self._record(action, outcome, [self.resource.key(row)])
            done += 1
        noun = self.resource.singular if done == 1 else self.resource.plural
        messages.success(self.request, f"{action.label}: done for {done} {noun.lower()}.")

    def _record(self, action: Action, outcome: Outcome, keys: Iterable[str]) -> None:
        audit.record(
            by=self.request.user.get_username(),
            action=f"{self.resource.name}.{action.name}",
            target=outcome.target or ", ".join(keys),
            before=outcome.before,
            after=outcome.after,
        )

    def _ask(
        self,
        action: Action,
        rows: Sequence[Any],
        form: forms.Form | None,
        *,
        status: int = 200,
        error: str = "",
    ) -> HttpResponse:
        noun = self.resource.singular if len(rows) == 1 else self.resource.plural
        return self.page(
            "staff/bulk.html",
            action.label,
            status=status,
            resource=self.resource,
            list_url=list_url(self.resource.name),
            action=action,
            question=action.question.format(title=f"these {len(rows)} {noun.lower()}"),
            form=form,
            error="" if form is not None and form.errors else error,
            rows=[(self.resource.key(row), self.resource.title(row)) for row in rows],
        )

    def _chosen(self, keys: Sequence[str], *, name: str) -> tuple[Action, list[Any]]:
        """Return the action, and those of the chosen rows that it makes sense for."""
        action = self.action
        if action is None:
            message = f"{self.resource.plural} have no action called “{name}” for several."
            raise Http404(message)
        # A list never shows more than a page, so nobody can have ticked more.
        rows = self.resource.find_many(list(dict.fromkeys(keys))[: self.resource.page_size])
        return action, [row for row in rows if action.offered(row)]


def _form(action: Action, data: Mapping[str, Any] | None) -> forms.Form | None:
    return None if action.form is None else action.form(None, data)


def offered_in_bulk(request: HttpRequest, resource: Resource) -> list[dict[str, str]]:
    """Return the actions that this person may run on several rows, as buttons."""
    return [
        {"label": action.label, "url": bulk_url(resource.name, action.name)}
        for action in resource.actions
        if action.bulk and request.user.has_perm(action.permission)
    ]
