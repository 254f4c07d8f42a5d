"""The staff site's addresses, below ``admin/``."""

from django.urls import URLPattern, URLResolver, path

from project.staff import site
from recommendations.staff.models_compared import ModelsCompared
from recommendations.staff.overview_parts import AttentionPart, NumbersPart, StreamPart
from recommendations.staff.placement_editor import PlacementEditor
from recommendations.staff.report import ReportView

_PAGES = (
    ("models/<str:key>/report/", ReportView, "model-report"),
    ("models-compared/", ModelsCompared, "models-compared"),
    ("placement-editor/", PlacementEditor, "placement-editor"),
    ("overview/numbers/", NumbersPart, "overview-numbers"),
    ("overview/attention/", AttentionPart, "overview-attention"),
    ("overview/stream/", StreamPart, "overview-stream"),
)

urlpatterns: list[URLPattern | URLResolver] = [
    *(
        path(address, site.admin_view(view.as_view(site=site)), name=name)
        for address, view, name in _PAGES
    ),
    path("", site.urls),
]
