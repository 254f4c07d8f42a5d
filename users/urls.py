from django.urls import path

from core.api import paths  # noqa: F401  # registers the converter of ids
from users import api

urlpatterns = [
    path("users/", api.Customers.as_view()),
    path("users/bulk/", api.CustomersBulk.as_view(row="user")),
    path("users/<id:user_id>/export/", api.CustomerExport.as_view(row="user")),
    path("users/<id:user_id>/", api.CustomerDetail.as_view(), name="user"),
]
