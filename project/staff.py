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

site = StaffSite(
    title="Alsobought",
    sections=(
        Section("Shop", (CustomerResource(), ItemResource(), EventResource())),
        Section("Recommendations", (ModelResource(), JobResource())),
        Section("Administration", (AuditResource(permission="accounts:manage"),)),
    ),
    overview=overview,
)
