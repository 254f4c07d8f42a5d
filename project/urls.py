from django.urls import URLPattern, URLResolver, include, path
from django.urls.resolvers import RoutePattern
from django.views.generic import RedirectView

from core.api import docs

urlpatterns: list[URLPattern | URLResolver] = [
    # First what is asked for most: patterns are tried in turn.
    path("api/v1/", include("recommendations.urls")),
    path("api/v1/", include("users.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index")),
    # Without `include`, which imports at once: a function that answers programs never needs it.
    URLResolver(RoutePattern("admin/"), "project.staff_urls"),
    path("api/docs/", docs.docs, name="api-docs"),
    path("api/schema/", docs.schema, name="api-schema"),
]
