"""The staff site's pages on the shop's data and on the recommender."""

from recommendations.staff.customers import CustomerResource
from recommendations.staff.events import EventResource
from recommendations.staff.explorer import Explorer
from recommendations.staff.items import ItemResource
from recommendations.staff.jobs import JobResource
from recommendations.staff.models import ModelResource
from recommendations.staff.overview import overview

__all__ = [
    "CustomerResource",
    "EventResource",
    "Explorer",
    "ItemResource",
    "JobResource",
    "ModelResource",
    "overview",
]
