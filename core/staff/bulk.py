"""One action on several rows of a list at once."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from core import audit
from core.staff.base import ResourceView
from core.staff.links import bulk_url, list_url
from core.staff.resource import Action, ActionError, Call, Resource


class BulkActionView(ResourceView):
    """Asks whether an action is meant for the chosen rows, and then runs it on each."""

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
        return self.page(
            "staff/bulk.html",
            chosen.label,
            resource=self.resource,
            list_url=list_url(self.resource.name),
            action=chosen,
            rows=[(self.resource.key(row), self.resource.title(row)) for row in rows],
        )

    def post(self, request: HttpRequest, action: str) -> HttpResponse:
        chosen, rows = self._chosen(request.POST.getlist("key"), name=action)
        by = request.user.get_username()
        done = 0
        for row in rows:
            try:
                outcome = chosen.run(Call(by=by, row=row))
            except ActionError as error:
                messages.error(request, f"{self.resource.title(row)}: {error}")
                continue
            audit.record(
                by=by,
                action=f"{self.resource.name}.{chosen.name}",
                target=outcome.target or self.resource.key(row),
                before=outcome.before,
                after=outcome.after,
            )
            done += 1
        noun = self.resource.singular if done == 1 else self.resource.plural
        messages.success(request, f"{chosen.label}: done for {done} {noun.lower()}.")
        return HttpResponseRedirect(list_url(self.resource.name))

    def _chosen(self, keys: Sequence[str], *, name: str) -> tuple[Action, list[Any]]:
        """Return the action, and those of the chosen rows that it makes sense for."""
        action = self.action
        if action is None:
            message = f"{self.resource.plural} have no action called “{name}” for several."
            raise Http404(message)
        # A list never shows more than a page, so nobody can have ticked more.
        rows = self.resource.find_many(list(dict.fromkeys(keys))[: self.resource.page_size])
        return action, [row for row in rows if action.offered(row)]


def offered_in_bulk(request: HttpRequest, resource: Resource) -> list[dict[str, str]]:
    """Return the actions that this person may run on several rows, as buttons."""
    return [
        {"label": action.label, "url": bulk_url(resource.name, action.name)}
        for action in resource.actions
        if action.bulk and request.user.has_perm(action.permission)
    ]
