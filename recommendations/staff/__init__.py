"""The staff site's pages on the shop's data and on the recommender."""

from recommendations.staff.customers import CustomerResource
from recommendations.staff.dead_letters import DeadLetterResource
from recommendations.staff.events import EventResource
from recommendations.staff.experiments import ExperimentResource
from recommendations.staff.explorer import Explorer
from recommendations.staff.exports import Exports
from recommendations.staff.imports import Imports
from recommendations.staff.insights import InsightsPage
from recommendations.staff.items import ItemResource
from recommendations.staff.jobs import JobResource
from recommendations.staff.models import ModelResource
from recommendations.staff.overview import overview
from recommendations.staff.placements import PlacementResource
from recommendations.staff.settings import Settings

__all__ = [
    "CustomerResource",
    "DeadLetterResource",
    "EventResource",
    "ExperimentResource",
    "Explorer",
    "Exports",
    "Imports",
    "InsightsPage",
    "ItemResource",
    "JobResource",
    "ModelResource",
    "PlacementResource",
    "Settings",
    "overview",
]
