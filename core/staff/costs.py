"""What endpoints, jobs and streams cost, by day: counted here, priced by the list."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from core import prices, usage
from core.prices import Prices
from core.spreadsheets import harmless
from core.staff.base import ToolView
from core.staff.charts import chart
from core.staff.cost_tables import Days, Row, by_name, dollars, explained, priced, tables, units
from core.staff.download import CSV, attach
from core.staff.html import number
from core.staff.resource import Attachment, Hint
from core.usage import Usage

_PERIODS = (7, 28, 90)
_USUAL = 28
_MONTH = 30
_EMPTY = Hint(
    "Nothing was counted in these days yet. What requests and jobs consume shows here a minute "
    "after they ran: open a page or ask for recommendations, and reload this one."
)


@dataclass(frozen=True, slots=True)
class Measure:
    """What the chart may show of a day."""

    label: str
    value: Callable[[Row], float]
    digits: int = 0


MEASURES = {
    "cost": Measure("Estimated dollars", lambda row: row.cost, 4),
    "calls": Measure("Requests, runs and batches", lambda row: row.usage.calls),
    "read_units": Measure("Read units", lambda row: row.usage.read_units, 1),
    "write_units": Measure("Write units", lambda row: row.usage.write_units, 1),
    "round_trips": Measure("Round trips to DynamoDB", lambda row: row.usage.round_trips),
}


class CostsPage(ToolView):
    """Totals, a chart by day, tables by endpoint and job, and the prices behind them."""

    title = "Costs"

    def get(self, request: HttpRequest) -> HttpResponse:
        length = _asked(request, "days", map(str, _PERIODS), str(_USUAL))
        measure = _asked(request, "measure", MEASURES, "cost")
        until = datetime.now(UTC).date()
        since = until - timedelta(days=int(length) - 1)
        days = usage.find(since=since, until=until)
        region, listed = prices.listed(settings.DYNAMODB["REGION"])
        if request.GET.get("format") == "csv":
            return attach(_csv(days, listed))
        daily = [
            priced(str(each), days.get(each, {}), listed)
            for each in (since + timedelta(days=n) for n in range(int(length)))
        ]
        return self.page(
            "staff/costs.html",
            self.title,
            days=length,
            periods=[(str(period), f"{period} days") for period in _PERIODS],
            measure=measure,
            measures=[(name, each.label) for name, each in MEASURES.items()],
            hint=_EMPTY,
            tiles=_tiles(daily, days) if days else [],
            chart=_chart(MEASURES[measure], daily, since) if days else None,
            chart_title=f"{MEASURES[measure].label} per day",
            panels=[*tables(days, daily, listed), *explained(region, listed)],
            csv_url=f"?days={length}&format=csv",
        )


def _asked(request: HttpRequest, name: str, known: Any, usual: str) -> str:
    value = request.GET.get(name, "")
    return value if value in set(known) else usual


def _tiles(daily: Sequence[Row], days: Days) -> list[dict[str, Any]]:
    cost = sum(row.cost for row in daily)
    total = sum((row.usage for row in daily), start=Usage())
    requests = sum(
        (each for (kind, _), each in by_name(days).items() if kind == "endpoint"), start=Usage()
    )
    trips = requests.round_trips / requests.calls if requests.calls else None
    counted = len([row for row in daily if row.usage.calls])
    return [
        {
            "label": "Estimated cost",
            "value": dollars(cost),
            "note": f"{dollars(cost / counted * _MONTH)} in {_MONTH} such days" if counted else "",
        },
        {
            "label": "Requests",
            "value": number(requests.calls),
            "note": "" if trips is None else f"{trips:.2f} round trips each",
        },
        {"label": "Read units", "value": units(total.read_units), "note": "of DynamoDB"},
        {"label": "Write units", "value": units(total.write_units), "note": "of DynamoDB"},
    ]


def _chart(measure: Measure, daily: Sequence[Row], since: date) -> Mapping[str, Any] | None:
    values = [measure.value(row) for row in daily]
    return (
        chart(f"{measure.label} per day", values, since=since, digits=measure.digits)
        if any(values)
        else None
    )


def _csv(days: Days, listed: Prices) -> Attachment:
    """Return every row: a day, a kind and a name."""
    out = io.StringIO()
    writer = csv.writer(out)
    figures = ("calls", "read_units", "write_units", "round_trips", "seconds", "gb_seconds")
    writer.writerow(["day", "kind", "name", *figures, "database_usd", "functions_usd"])
    for each, parts in sorted(days.items()):
        for (kind, name), used in sorted(parts.items()):
            writer.writerow(
                [
                    str(each),
                    kind,
                    harmless(name),
                    *(getattr(used, figure) for figure in figures),
                    f"{prices.database_cost(used, listed):.9f}",
                    f"{prices.function_cost(kind, used, listed):.9f}",
                ]
            )
    content = out.getvalue().encode("utf-8-sig")
    return Attachment(name="costs.csv", content=content, content_type=CSV)
