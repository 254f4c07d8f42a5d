"""What endpoints, jobs and streams cost, by day: counted here, priced by the list."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from core import prices, usage
from core.prices import Prices
from core.spreadsheets import harmless
from core.staff.base import ToolView
from core.staff.charts import chart
from core.staff.download import CSV, attach
from core.staff.html import NOTHING, link, number, percent
from core.staff.resource import Attachment, Column, Hint, Panel
from core.usage import Kind, Usage

_PERIODS = (7, 28, 90)
_USUAL = 28
_MONTH = 30
_TITLES: dict[Kind, tuple[str, str]] = {
    "endpoint": ("Endpoints", "Requests"),
    "job": ("Jobs", "Runs"),
    "stream": ("Stream", "Batches"),
}
_EMPTY = Hint(
    "Nothing was counted in these days yet. What requests and jobs consume shows here a minute "
    "after they ran: open a page or ask for recommendations, and reload this one."
)
_COUNTED = (
    "Every request, every run of a job and every batch of the stream is counted, with the units "
    "that DynamoDB itself reports for it.",
    "Each process adds up in memory and stores the sums once a minute, and a job when it ends. Of "
    "a process that is ended without warning the last minute is missing.",
    "Not counted: storage, backups, reading the stream, logs, traffic, and commands that are run "
    "by hand.",
)
_EMULATED = (
    "This site talks to an emulated DynamoDB. It reports no units for reads in batches, such as "
    "those for a known user’s list; AWS does."
)

_Days = Mapping[date, Mapping[tuple[Kind, str], Usage]]


@dataclass(frozen=True, slots=True)
class Row:
    """What one endpoint, job, stream or day consumed, and its price."""

    name: str
    usage: Usage
    database: float
    functions: float
    whole: float = 0.0

    @property
    def cost(self) -> float:
        return self.database + self.functions

    @property
    def each(self) -> float | None:
        """Return the cost of a million calls."""
        return 1_000_000 * self.cost / self.usage.calls if self.usage.calls else None

    @property
    def share(self) -> float | None:
        return self.cost / self.whole if self.whole else None


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
            _row(str(each), days.get(each, {}), listed)
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
            panels=[*_tables(days, daily, listed), *_explained(region, listed)],
            csv_url=f"?days={length}&format=csv",
        )


def _asked(request: HttpRequest, name: str, known: Any, usual: str) -> str:
    value = request.GET.get(name, "")
    return value if value in set(known) else usual


def _row(
    name: str, parts: Mapping[tuple[Kind, str], Usage], listed: Prices, *, whole: float = 0.0
) -> Row:
    return Row(
        name,
        sum(parts.values(), start=Usage()),
        sum(prices.database_cost(each, listed) for each in parts.values()),
        sum(prices.function_cost(kind, each, listed) for (kind, _), each in parts.items()),
        whole,
    )


def _totals(days: _Days) -> dict[tuple[Kind, str], Usage]:
    found: dict[tuple[Kind, str], Usage] = {}
    for parts in days.values():
        for key, each in parts.items():
            found[key] = found.get(key, Usage()) + each
    return found


def _tiles(daily: Sequence[Row], days: _Days) -> list[dict[str, Any]]:
    cost = sum(row.cost for row in daily)
    total = sum((row.usage for row in daily), start=Usage())
    requests = sum(
        (each for (kind, _), each in _totals(days).items() if kind == "endpoint"), start=Usage()
    )
    trips = requests.round_trips / requests.calls if requests.calls else None
    counted = len([row for row in daily if row.usage.calls])
    return [
        {
            "label": "Estimated cost",
            "value": dollars(cost),
            "note": f"{dollars(cost / counted * _MONTH)} in {_MONTH} days like these"
            if counted
            else "",
        },
        {
            "label": "Requests",
            "value": number(requests.calls),
            "note": "" if trips is None else f"{trips:.2f} round trips each",
        },
        {"label": "Read units", "value": _units(total.read_units), "note": "of DynamoDB"},
        {"label": "Write units", "value": _units(total.write_units), "note": "of DynamoDB"},
    ]


def _chart(measure: Measure, daily: Sequence[Row], since: date) -> Mapping[str, Any] | None:
    values = [measure.value(row) for row in daily]
    return (
        chart(f"{measure.label} per day", values, since=since, digits=measure.digits)
        if any(values)
        else None
    )


def _tables(days: _Days, daily: Sequence[Row], listed: Prices) -> list[Panel]:
    if not days:
        return []
    totals = _totals(days)
    whole = sum(row.cost for row in daily)
    panels = []
    for kind, (title, calls) in _TITLES.items():
        rows = [
            _row(name, {(each, name): used}, listed, whole=whole)
            for (each, name), used in totals.items()
            if each == kind
        ]
        rows.sort(key=lambda row: (-row.cost, -row.usage.calls, row.name))
        if rows:
            panels.append(_table(title, rows, calls=calls, first=title.removesuffix("s")))
    latest = [row for row in reversed(daily) if row.usage.calls or row.cost]
    return [*panels, _table("Days", latest, calls="Calls", first="Day (UTC)")]


def _table(title: str, rows: Sequence[Row], *, calls: str, first: str) -> Panel:
    columns = (
        Column(first, lambda row: row.name, "name"),
        Column(calls, lambda row: number(row.usage.calls) if row.usage.calls else NOTHING, "num"),
        Column("Read units", lambda row: _units(row.usage.read_units), "num wide-only"),
        Column("Write units", lambda row: _units(row.usage.write_units), "num wide-only"),
        Column(
            "Round trips each", lambda row: _per_call(row, row.usage.round_trips), "num wide-only"
        ),
        Column("Time each", lambda row: _time(row), "num wide-only nowrap"),
        Column("DynamoDB", lambda row: dollars(row.database), "num wide-only"),
        Column("Functions", lambda row: dollars(row.functions), "num wide-only"),
        Column("Cost", lambda row: dollars(row.cost), "num"),
        Column("A million", lambda row: NOTHING if row.each is None else dollars(row.each), "num"),
        Column("Share", lambda row: percent(row.share), "num wide-only nowrap"),
    )
    return Panel(
        title=title,
        template="staff/panels/table.html",
        context={
            "label": title,
            "columns": columns,
            "rows": [[(column, column.value(row)) for column in columns] for row in rows],
        },
    )


def _explained(region: str, listed: Prices) -> list[Panel]:
    facts = [
        ("Region", region),
        ("A million read units", dollars(listed.read_units)),
        ("A million write units", dollars(listed.write_units)),
        ("A million calls of functions", dollars(listed.calls)),
        ("A million GB-seconds", dollars(listed.gb_seconds)),
        ("A million requests through API Gateway", dollars(listed.requests)),
        ("Source", _sources()),
    ]
    sentences = [*_COUNTED, *([_EMULATED] if settings.DYNAMODB["ENDPOINT_URL"] else [])]
    return [
        Panel(
            title="Prices",
            description=(
                f"AWS’s list prices on demand, as of {prices.SINCE}, in US dollars, before free "
                "tiers, discounts and taxes. The setting PRICES replaces them."
            ),
            template="staff/panels/facts.html",
            context={"facts": facts},
            width="half",
        ),
        Panel(
            title="What is counted",
            template="staff/panels/sentences.html",
            context={"sentences": sentences},
            width="half",
        ),
    ]


def _sources() -> Any:
    pages = (("DynamoDB", "dynamodb/pricing/on-demand"), ("Lambda", "lambda/pricing"))
    return format_html(
        "{}, {}, {}",
        *(link(name, f"https://aws.amazon.com/{page}/") for name, page in pages),
        link("API Gateway", "https://aws.amazon.com/api-gateway/pricing/"),
    )


def dollars(amount: float) -> Any:
    """Return an amount: to the cent, and a small one to two digits that count."""
    if not amount:
        return NOTHING
    if amount >= 1:
        return f"${amount:,.2f}"
    digits = 2
    while digits < 9 and round(amount, digits) * 10 ** (digits - 1) < 1:
        digits += 1
    return f"${amount:.{digits}f}"


def _units(units: float) -> Any:
    return f"{units:,.0f}" if units >= 100 or units == int(units) else f"{units:,.1f}"


def _per_call(row: Row, amount: float) -> Any:
    return f"{amount / row.usage.calls:,.1f}" if row.usage.calls else NOTHING


def _time(row: Row) -> Any:
    if not row.usage.calls:
        return NOTHING
    seconds = row.usage.seconds / row.usage.calls
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{1000 * seconds:,.0f} ms"


def _csv(days: _Days, listed: Prices) -> Attachment:
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
