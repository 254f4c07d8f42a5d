"""Django's admin site, with resources in the place of models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, path, reverse

from core.staff import views
from core.staff.actions import ActionView
from core.staff.base import ToolView
from core.staff.bulk import BulkActionView
from core.staff.links import list_url
from core.staff.resource import Resource

# These pages of Django's need the ORM.
_WITH_DATABASE = frozenset({"autocomplete", "jsi18n", "view_on_site"})


@dataclass(frozen=True, slots=True)
class Tool:
    """A page of its own that is not a list."""

    name: str
    view: type[ToolView]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading in the navigation, and what stands under it."""

    title: str
    entries: Sequence[Resource | Tool]


class StaffSite(AdminSite):
    """The staff site: login, navigation, and the pages of every resource.

    Parameters
    ----------
    sections
        The navigation, in order.
    overview
        Returns what the template ``staff/overview.html`` shows on the first page.
    """

    index_template = "staff/overview.html"
    index_title = "Overview"
    site_url = None

    def __init__(
        self,
        *,
        title: str,
        sections: Sequence[Section],
        overview: Callable[[HttpRequest], Mapping[str, Any]],
    ) -> None:
        super().__init__(name="admin")
        self.site_title = self.site_header = title
        self.sections = sections
        self._overview = overview

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Return our pages and those of Django's that need no database."""
        ours: list[URLPattern] = []
        for section in self.sections:
            for entry in section.entries:
                if isinstance(entry, Tool):
                    view = self.admin_view(entry.view.as_view(site=self))
                    ours.append(path(f"{entry.name}/", view, name=entry.name))
                else:
                    ours += self._resource_urls(entry)
        kept = [url for url in super().get_urls() if url.name not in _WITH_DATABASE]
        # Ours first: Django's last pattern catches everything.
        return [*ours, *kept]

    def _resource_urls(self, resource: Resource) -> list[URLPattern]:
        pages = [
            ("", views.ListView, "list"),
            ("actions/<slug:action>/", ActionView, "action"),
            ("<str:key>/actions/<slug:action>/", ActionView, "row_action"),
            ("actions/<slug:action>/rows/", BulkActionView, "bulk_action"),
        ]
        if resource.has_detail:
            pages += [
                ("<str:key>/", views.DetailView, "detail"),
                ("<str:key>/parts/<slug:part>/", views.PartView, "part"),
            ]
        return [
            path(
                f"{resource.name}/{route}",
                self.admin_view(view.as_view(site=self, resource=resource)),
                name=f"{resource.name}_{name}",
            )
            for route, view, name in pages
        ]

    def get_app_list(
        self,
        request: HttpRequest,
        app_label: str | None = None,  # noqa: ARG002  # Django's signature
    ) -> list[dict[str, Any]]:
        """Return the navigation in the form of Django's templates: what this person may see."""
        listed = []
        for section in self.sections:
            models = [
                _navigation_entry(entry)
                for entry in section.entries
                if request.user.has_perm(_permission(entry))
            ]
            if models:
                name = section.title
                label = name.lower().replace(" ", "-")
                listed.append({"name": name, "app_label": label, "models": models})
        return listed

    def get_log_entries(self, request: HttpRequest) -> tuple[()]:  # noqa: ARG002  # Django's signature
        """Return nothing: the log is `core.audit`, not a table of the ORM."""
        return ()

    def index(self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None) -> Any:
        return super().index(request, {**(extra_context or {}), **self._overview(request)})


def _permission(entry: Resource | Tool) -> str:
    return entry.view.permission if isinstance(entry, Tool) else entry.permission


def _navigation_entry(entry: Resource | Tool) -> dict[str, Any]:
    if isinstance(entry, Tool):
        name, url = entry.view.title, reverse(f"admin:{entry.name}")
    else:
        name, url = entry.plural, list_url(entry.name)
    return {"name": name, "object_name": entry.name, "admin_url": url, "view_only": True}
