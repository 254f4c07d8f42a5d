"""What recommendations led to, over REST."""

from datetime import UTC, date, datetime
from typing import Annotated

import msgspec

from core.api import queries
from core.api.errors import ApiError
from core.api.operations import ApiView, operation
from recommendations.attribution import LONGEST_PLACEMENT, NAME_PATTERN
from recommendations.services import insights
from recommendations.services.experiments import UnknownPlacementError
from recommendations.services.insights import Insights

_USUAL_DAYS = 28

Placement = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=LONGEST_PLACEMENT,
        pattern=NAME_PATTERN,
        description="A placement, or `direct` for answers without one; the whole shop if omitted.",
        examples=["product-page"],
    ),
]


class InsightsQuery(
    queries.Query, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}
):
    """From one day to another, both included, in UTC; at most 366 days, the last 28 if omitted."""

    since: Annotated[date, msgspec.Meta(description="First day.")] | None = None
    until: Annotated[date, msgspec.Meta(description="Last day; today if omitted.")] | None = None
    placement: Placement | None = None


class InsightsReport(ApiView):
    @operation("Get insights", scope="insights:read", query=InsightsQuery, answer=Insights)
    def get(self, query: InsightsQuery) -> Insights:
        """What recommendations led to: how often clicked and bought, by day and by variant.

        `from` without `to` ends today; `to` without `from` starts 28 days before its end.
        """
        until = query.until or datetime.now(UTC).date()
        since = query.since or _days_before(until)
        try:
            return insights.report(since=since, until=until, placement=query.placement)
        except UnknownPlacementError as error:
            raise ApiError(404, "There is no placement of this name.") from error


def _days_before(until: date) -> date:
    """Return the first of the usual days, or of the calendar."""
    return date.fromordinal(max(until.toordinal() - _USUAL_DAYS + 1, 1))
