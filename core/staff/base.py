"""What all pages have in common: permission, navigation, and the row that an address names."""

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views import View

from core.staff.links import list_url, unquote_key
from core.staff.resource import Resource

if TYPE_CHECKING:
    from core.staff.site import StaffSite

LONGEST_INPUT = 400


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
        row = self.resource.find(key) if len(key) <= LONGEST_INPUT else None
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
