"""The staff site: which pages it has, and in what order."""

from core.staff.log import AuditResource
from core.staff.site import Section, StaffSite, Tool
from recommendations.staff import (
    CustomerResource,
    EventResource,
    Explorer,
    ItemResource,
    JobResource,
    ModelResource,
    overview,
)
from users.permissions import MANAGE_ACCOUNTS
from users.staff import AccountResource, KeyResource

site = StaffSite(
    title="Alsobought",
    sections=(
        Section("Shop", (CustomerResource(), ItemResource(), EventResource())),
        Section("Recommendations", (Tool("explorer", Explorer), ModelResource(), JobResource())),
        Section(
            "Administration",
            (AccountResource(), KeyResource(), AuditResource(permission=MANAGE_ACCOUNTS)),
        ),
    ),
    overview=overview,
)
