"""The staff site's addresses, below ``admin/``."""

from django.urls import URLPattern, URLResolver, path

from project.staff import site
from recommendations.staff.models_compared import ModelsCompared
from recommendations.staff.overview_parts import AttentionPart, NumbersPart, StreamPart
from recommendations.staff.placement_editor import PlacementEditor
from recommendations.staff.report import ReportView

urlpatterns: list[URLPattern | URLResolver] = [
    path(
        "models/<str:key>/report/",
        site.admin_view(ReportView.as_view(site=site)),
        name="model-report",
    ),
    path(
        "models-compared/",
        site.admin_view(ModelsCompared.as_view(site=site)),
        name="models-compared",
    ),
    path(
        "placement-editor/",
        site.admin_view(PlacementEditor.as_view(site=site)),
        name="placement-editor",
    ),
    path(
        "overview/numbers/",
        site.admin_view(NumbersPart.as_view(site=site)),
        name="overview-numbers",
    ),
    path(
        "overview/attention/",
        site.admin_view(AttentionPart.as_view(site=site)),
        name="overview-attention",
    ),
    path(
        "overview/stream/",
        site.admin_view(StreamPart.as_view(site=site)),
        name="overview-stream",
    ),
    path("", site.urls),
]
