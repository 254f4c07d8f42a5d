"""The staff site: which pages it has, and in what order."""

from core.staff.costs import CostsPage
from core.staff.log import AuditResource
from core.staff.site import Section, StaffSite, Tool
from recommendations.staff import (
    CustomerResource,
    DeadLetterResource,
    EventResource,
    ExperimentResource,
    Explorer,
    Exports,
    Imports,
    InsightsPage,
    ItemResource,
    JobResource,
    ModelResource,
    PlacementResource,
    Settings,
    overview,
)
from users.permissions import MANAGE_ACCOUNTS
from users.staff import AccountResource, KeyResource


class Costs(CostsPage):
    permission = "insights:read"


site = StaffSite(
    title="Alsobought",
    sections=(
        Section(
            "Shop",
            (
                CustomerResource(),
                ItemResource(),
                EventResource(),
                DeadLetterResource(),
                Tool("imports", Imports),
                Tool("exports", Exports),
            ),
        ),
        Section(
            "Recommendations",
            (
                Tool("explorer", Explorer),
                PlacementResource(),
                ExperimentResource(),
                Tool("insights", InsightsPage),
                ModelResource(),
                JobResource(),
                Tool("costs", Costs),
            ),
        ),
        Section(
            "Administration",
            (
                Tool("settings", Settings),
                AccountResource(),
                KeyResource(),
                AuditResource(permission=MANAGE_ACCOUNTS),
            ),
        ),
    ),
    overview=overview,
)
