from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from project.staff import site

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", site.urls),
]
