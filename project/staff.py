"""The staff site: which pages it has, and in what order."""

from core.staff.log import AuditResource
from core.staff.site import Section, StaffSite
from recommendations.staff import (
    CustomerResource,
    EventResource,
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
        Section("Recommendations", (ModelResource(), JobResource())),
        Section(
            "Administration",
            (AccountResource(), KeyResource(), AuditResource(permission=MANAGE_ACCOUNTS)),
        ),
    ),
    overview=overview,
)
