"""The page on which a placement is written, with a preview of what it would show."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from core import audit
from core.staff.base import LONGEST_INPUT, ToolView
from core.staff.links import detail_url, list_url
from core.validation import InvalidInputError
from recommendations.services import placements
from recommendations.services.placements import PlacementChangedError, StoredPlacement
from recommendations.staff.placement_forms import PlacementForm
from recommendations.staff.placement_preview import VisitForm, preview_context


def editor_url(name: str = "", **rules: str) -> str:
    """Return the address where a placement is changed, or a new one is written.

    ``pin`` and ``bury`` name a product for which such a rule is filled in.
    """
    url = reverse("placement-editor")
    params = {**({"name": name} if name else {}), **rules}
    return f"{url}?{urlencode(params)}" if params else url


class PlacementEditor(ToolView):
    """Writes a new placement, or changes the one that ``?name=`` names."""

    title = "Placement"
    permission = "placements:write"

    def get(self, request: HttpRequest) -> HttpResponse:
        stored = self._stored(request)
        form = PlacementForm(
            stored=stored.placement if stored is not None else None,
            version=stored.number if stored is not None else 0,
            pinned=request.GET.get("pin", "")[:LONGEST_INPUT],
            buried=request.GET.get("bury", "")[:LONGEST_INPUT],
        )
        return self._page(stored, form, VisitForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        stored = self._stored(request)
        form = PlacementForm(request.POST, stored=stored.placement if stored is not None else None)
        visit = VisitForm(request.POST)
        looks = "preview" in request.POST
        if not (form.is_valid() and visit.is_valid()) or form.placement is None:
            return self._page(stored, form, visit, status=200 if looks else 400)
        if looks:
            shown = preview_context(form.placement, visit)
            return self._page(stored, form, visit, preview=shown)
        by, name = request.user.get_username(), form.placement.name
        try:
            change = placements.save(
                placement=form.placement, by=by, replaces=form.cleaned_data["version"]
            )
        except PlacementChangedError as error:
            form.add_error(None, f"{error}.")
            return self._page(stored, form, visit, status=409)
        except InvalidInputError as error:
            form.add_error(None, str(error))
            return self._page(stored, form, visit, status=400)
        if change.before != change.after:
            audit.record(by=by, action="placements.save", target=name, **change.differences())
        messages.success(request, f"Saved. What is shown as {name} follows at the next request.")
        return HttpResponseRedirect(detail_url("placements", name))

    @staticmethod
    def _stored(request: HttpRequest) -> StoredPlacement | None:
        name = request.GET.get("name", "")
        if not name:
            return None
        stored = placements.find(name=name) if len(name) <= LONGEST_INPUT else None
        if stored is None:
            message = f"There is no placement “{name[:LONGEST_INPUT]}”. It may have been removed."
            raise Http404(message)
        return stored

    def _page(
        self,
        stored: StoredPlacement | None,
        form: PlacementForm,
        visit: VisitForm,
        *,
        status: int = 200,
        preview: Any = None,
    ) -> HttpResponse:
        name = stored.placement.name if stored is not None else ""
        return self.page(
            "staff/recommendations/placement_editor.html",
            f"Edit {name}" if name else "Add placement",
            status=status,
            resource={"plural": "Placements"},
            list_url=list_url("placements"),
            row_title=name,
            row_url=detail_url("placements", name) if name else "",
            back_url=detail_url("placements", name) if name else list_url("placements"),
            form=form,
            visit=visit,
            preview=preview,
        )
