from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from core.api import docs
from project.staff import site
from recommendations.staff.overview_parts import AttentionPart, NumbersPart
from recommendations.staff.placement_editor import PlacementEditor
from recommendations.staff.report import ReportView

urlpatterns: list[URLPattern | URLResolver] = [
    # First what is asked for most: patterns are tried in turn.
    path("api/v1/", include("recommendations.urls")),
    path("api/v1/", include("users.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path(
        "admin/models/<str:key>/report/",
        site.admin_view(ReportView.as_view(site=site)),
        name="model-report",
    ),
    path(
        "admin/placement-editor/",
        site.admin_view(PlacementEditor.as_view(site=site)),
        name="placement-editor",
    ),
    path(
        "admin/overview/numbers/",
        site.admin_view(NumbersPart.as_view(site=site)),
        name="overview-numbers",
    ),
    path(
        "admin/overview/attention/",
        site.admin_view(AttentionPart.as_view(site=site)),
        name="overview-attention",
    ),
    path("admin/", site.urls),
    path("api/docs/", docs.docs, name="api-docs"),
    path("api/schema/", docs.schema, name="api-schema"),
]
