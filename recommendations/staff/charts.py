"""A value per day, drawn: what the template of a chart needs."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from core.staff.html import day


def chart(
    title: str, values: Sequence[int | float | Decimal], *, since: date, digits: int = 0
) -> Mapping[str, Any]:
    """Return the context of ``staff/panels/chart.html``: one value for each day from the first."""
    start = datetime.combine(since, datetime.min.time(), UTC)
    end = start + timedelta(days=len(values) - 1)
    return {
        "start": int(start.timestamp()),
        "counts": ",".join(f"{value:.{digits}f}" for value in values),
        "summary": (
            f"{title} from {day(start)} to {day(end)}: "
            f"between {min(values):,.{digits}f} and {max(values):,.{digits}f}."
        ),
    }
