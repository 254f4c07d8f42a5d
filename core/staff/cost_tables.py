"""Tables of what endpoints, jobs and days cost, and what is behind the amounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.utils.html import format_html

from core import prices
from core.prices import Prices
from core.staff.html import NOTHING, link, number, percent
from core.staff.resource import Column, Panel
from core.usage import Kind, Usage

_LEAST = 0.0001
_TITLES: dict[Kind, tuple[str, str]] = {
    "endpoint": ("Endpoints", "Requests"),
    "job": ("Jobs", "Runs"),
    "stream": ("Stream", "Batches"),
}
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


Days = Mapping[date, Mapping[tuple[Kind, str], Usage]]


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


def priced(
    name: str, parts: Mapping[tuple[Kind, str], Usage], listed: Prices, *, whole: float = 0.0
) -> Row:
    """Return what parts consumed together, with its price; ``whole`` is what it is a share of."""
    return Row(
        name,
        sum(parts.values(), start=Usage()),
        sum(prices.database_cost(each, listed) for each in parts.values()),
        sum(prices.function_cost(kind, each, listed) for (kind, _), each in parts.items()),
        whole,
    )


def by_name(days: Days) -> dict[tuple[Kind, str], Usage]:
    """Return what each endpoint, job and stream consumed over all days."""
    found: dict[tuple[Kind, str], Usage] = {}
    for parts in days.values():
        for key, each in parts.items():
            found[key] = found.get(key, Usage()) + each
    return found


def tables(days: Days, daily: Sequence[Row], listed: Prices) -> list[Panel]:
    """Return a table for each kind that was called, the dearest first, and one of the days."""
    if not days:
        return []
    totals = by_name(days)
    whole = sum(row.cost for row in daily)
    panels = []
    for kind, (title, calls) in _TITLES.items():
        rows = [
            priced(name, {(each, name): used}, listed, whole=whole)
            for (each, name), used in totals.items()
            if each == kind
        ]
        rows.sort(key=lambda row: (-row.cost, -row.usage.calls, row.name))
        if rows:
            panels.append(_table(title, rows, calls=calls, first=title.removesuffix("s")))
    latest = [row for row in reversed(daily) if row.usage.calls or row.cost]
    return [*panels, _table("Days", latest, calls="Calls", first="Day (UTC)")]


def _table(title: str, rows: Sequence[Row], *, calls: str, first: str) -> Panel:
    columns = [
        Column(first, lambda row: row.name, "name"),
        Column(calls, lambda row: number(row.usage.calls) if row.usage.calls else NOTHING, "num"),
        Column("Read units", lambda row: units(row.usage.read_units), "num wide-only"),
        Column("Write units", lambda row: units(row.usage.write_units), "num wide-only"),
        Column("Round trips", lambda row: number(row.usage.round_trips), "num wide-only"),
        Column("Mean trips", lambda row: _per_call(row, row.usage.round_trips), "num wide-only"),
        Column("Time each", _time, "num wide-only nowrap"),
    ]
    if any(row.functions for row in rows):
        columns += [
            Column("DynamoDB", lambda row: dollars(row.database), "num wide-only nowrap"),
            Column("Functions", lambda row: dollars(row.functions), "num wide-only nowrap"),
        ]
    columns += [
        Column("Cost", lambda row: dollars(row.cost), "num nowrap"),
        Column(f"A million {calls.lower()}", _per_million, "num wide-only"),
        Column("Share", lambda row: percent(row.share), "num wide-only nowrap"),
    ]
    return Panel(
        title=title,
        template="staff/panels/table.html",
        context={
            "label": title,
            "columns": columns,
            "rows": [[(column, column.value(row)) for column in columns] for row in rows],
        },
    )


def _per_million(row: Row) -> Any:
    return NOTHING if row.each is None else dollars(row.each)


def explained(region: str, listed: Prices) -> list[Panel]:
    """Return the prices, and what is counted and what is not."""
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
    if amount < _LEAST:
        return f"< ${_LEAST}"
    digits = 2 if amount >= 0.1 else 3 if amount >= 0.01 else 4
    return f"${amount:,.{digits}f}"


def units(units: float) -> str:
    """Return units as a reader writes them."""
    return f"{units:,.0f}" if units >= 100 or units == int(units) else f"{units:,.1f}"


def _per_call(row: Row, amount: float) -> Any:
    return f"{amount / row.usage.calls:,.1f}" if row.usage.calls else NOTHING


def _time(row: Row) -> Any:
    if not row.usage.calls:
        return NOTHING
    seconds = row.usage.seconds / row.usage.calls
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{1000 * seconds:,.0f} ms"
