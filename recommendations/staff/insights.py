"""What recommendations led to, by placement and day, and what an experiment says so far."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.staff.base import ToolView
from core.staff.charts import chart
from core.staff.html import NOTHING, badge, day, money, number, percent
from core.staff.resource import Column, Hint, Panel
from core.validation import InvalidInputError
from recommendations.attribution import DIRECT, LONGEST_PLACEMENT
from recommendations.measures import Interval, Numbers, Outcome, VariantNumbers
from recommendations.services import insights, placements
from recommendations.services.experiments import UnknownPlacementError
from recommendations.services.insights import ExperimentState, Insights

_PLACEMENTS = 100
_USUAL_DAYS = 28
_VERDICTS = {
    "better": ("better", "good"),
    "worse": ("worse", "bad"),
    "same": ("no relevant difference", ""),
    "not_enough_data": ("not enough data yet", ""),
    "sample_ratio_mismatch": ("not valid", "bad"),
}
HOW_TO_READ = (
    "A verdict needs 7 days, and 1,000 lists and 100 clicks (or conversions) in each variant.",
    "It may be looked at every day: it comes later than a 95 % interval would have it, because "
    "whoever stops at the first good day is wrong far too often.",
    "Intervals in brackets are at 95 %. They are for a date that was fixed beforehand.",
)
_BAD = Hint("This address asks for no period. Choose one above.")
_EMPTY = Hint(
    "Nothing was counted in these days. Send an impression for each list that you show and a click "
    "for each product that is opened, with the recommendation_id of the answer."
)


class PeriodForm(forms.Form):
    """Where and when."""

    placement = forms.CharField(max_length=LONGEST_PLACEMENT, required=False)
    since = forms.DateField(label="From", widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(label="To", widget=forms.DateInput({"type": "date"}))

    def __init__(self, data: Any, *, names: Sequence[str]) -> None:
        super().__init__(data)
        choices = [("", "The whole shop"), *((name, name) for name in names)]
        self.fields["placement"].widget = forms.Select(
            choices=[*choices, (DIRECT, "Without a placement")]
        )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        since, until = data.get("since"), data.get("until")
        if since is not None and until is not None:
            try:
                insights.check_period(since=since, until=until)
            except InvalidInputError as error:
                self.add_error("since", error.details["from"])
        return data


class InsightsPage(ToolView):
    """Counts, charts, and variants side by side; the browser asks for them by itself."""

    title = "Insights"
    permission = "insights:read"

    def get(self, request: HttpRequest) -> HttpResponse:
        today = datetime.now(UTC).date()
        first = today - timedelta(days=_USUAL_DAYS - 1)
        asked = {"placement": "", "since": str(first), "until": str(today), **request.GET.dict()}
        if "part" in asked:
            form = PeriodForm(asked, names=[])
            data = _found(form.cleaned_data) if form.is_valid() else {"hint": _BAD}
            return TemplateResponse(request, "staff/recommendations/panels.html", {"data": data})
        known = [row.placement.name for row in placements.listing(limit=_PLACEMENTS).rows]
        form = PeriodForm(asked, names=known)
        part = None
        if form.is_valid():
            query = urlencode({name: str(value) for name, value in form.cleaned_data.items()})
            part = {"url": f"{reverse('admin:insights')}?{query}&part=counts"}
        return self.page("staff/recommendations/insights.html", self.title, form=form, part=part)


def _found(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the panels, or what to say where there are none."""
    try:
        found = insights.report(
            since=asked["since"], until=asked["until"], placement=asked["placement"] or None
        )
    except UnknownPlacementError:
        return {"hint": Hint("There is no placement of this name. Choose another one above.")}
    return {"panels": _panels(found)}


def _panels(found: Insights) -> list[Panel]:
    return [
        *experiment_panels(found.experiment),
        *_variants(found),
        Panel(
            title="In total",
            template="staff/panels/facts.html",
            context={"facts": _facts(found)},
        ),
        *(_charts(found) if _has_counts(found.total) else ()),
        _table("By day", _DAY, [row for row in reversed(found.days) if _has_counts(row)]),
    ]


def _has_counts(row: Numbers) -> bool:
    return any((row.lists, row.clicks, row.carts, row.conversions))


def _facts(found: Insights) -> list[tuple[str, Any]]:
    total = found.total
    facts = [
        ("Lists shown", number(total.lists)),
        ("Products shown", number(total.impressions)),
        ("Clicks", number(total.clicks)),
        ("CTR", _share(total.ctr)),
        ("Put into carts", number(total.carts)),
        ("Conversions", number(total.conversions)),
        ("Conversions / list", _share(total.conversion_rate)),
        ("Pieces sold", number(total.units)),
        ("Revenue", money(total.revenue)),
        ("Revenue / list", _amount(total.revenue_per_list)),
    ]
    if found.shop is not None:
        facts += [
            ("Orders in the shop", number(found.shop.orders)),
            ("Revenue of the shop", money(found.shop.revenue)),
            ("Attributed share", percent(found.shop.attributed_share)),
        ]
    return facts


def _charts(found: Insights) -> list[Panel]:
    return [
        _chart(title, found, value, digits)
        for title, value, digits in (
            ("Lists shown", lambda row: row.lists, 0),
            ("Clicks", lambda row: row.clicks, 0),
            ("Conversions", lambda row: row.conversions, 0),
            ("Revenue", lambda row: row.revenue, 2),
        )
    ]


def _chart(title: str, found: Insights, value: Callable[[Numbers], Any], digits: int) -> Panel:
    title = f"{title} per day"
    values = [value(row) for row in found.days]
    return Panel(
        title=title,
        template="staff/panels/chart.html",
        context=chart(title, values, since=found.since, digits=digits),
        width="half",
    )


def _day(when: date) -> str:
    return day(datetime.combine(when, datetime.min.time(), UTC))


def experiment_panels(state: ExperimentState | None) -> list[Panel]:
    """Return since when an experiment counts, whether its shares are fair, and how to read it."""
    if state is None:
        return []
    return [
        Panel(
            title="Experiment",
            template="staff/panels/facts.html",
            context={"facts": experiment_facts(state)},
            width="half",
        ),
        Panel(
            title="How to read it",
            template="staff/panels/sentences.html",
            context={"sentences": HOW_TO_READ},
            width="half",
        ),
    ]


def experiment_facts(state: ExperimentState) -> list[tuple[str, Any]]:
    """Return since when an experiment counts, and whether its shares are fair."""
    days = f"{state.days} day" if state.days == 1 else f"{state.days} days"
    return [
        ("Control", state.control),
        ("Counted since", f"{_day(state.since)}, on {days}"),
        ("Shares shown", _shares(state)),
    ]


def _shares(state: ExperimentState) -> Any:
    if state.sample_ratio is None:
        return "too little shown to tell"
    if state.sample_ratio.ok:
        return badge("as meant", "good")
    return format_html(
        "{} Uneven beyond chance (p = {}): find out why before you conclude anything.",
        badge("sample ratio mismatch", "bad"),
        f"{state.sample_ratio.p_value:.1g}",
    )


def _variants(found: Insights) -> list[Panel]:
    if not found.variants:
        return []
    title = "Recommenders" if found.placement == DIRECT else "Variants"
    return [variants_panel(title, found.variants)]


def variants_panel(title: str, variants: Sequence[VariantNumbers]) -> Panel:
    """Return variants side by side, with intervals and what may be said of each."""
    return _table(title, _VARIANT, variants)


def _table(title: str, columns: Sequence[Column], rows: Sequence[Any]) -> Panel:
    return Panel(
        title=title,
        template="staff/panels/table.html",
        context={
            "label": title,
            "columns": columns,
            "rows": [[(column, column.value(row)) for column in columns] for row in rows],
            "hint": _EMPTY,
        },
    )


def _share(interval: Interval | None) -> Any:
    return _with_interval(interval, lambda share: f"{100 * share:.2f}", " %")


def _amount(interval: Interval | None) -> Any:
    return _with_interval(interval, lambda amount: f"{amount:,.2f}", "")


def _with_interval(interval: Interval | None, text: Callable[[float], str], unit: str) -> Any:
    if interval is None:
        return NOTHING
    return format_html(
        '<span class="nowrap">{}{}</span> <span class="quiet nowrap">({} to {})</span>',
        text(interval.value), unit, text(interval.low), text(interval.high),
    )  # fmt: skip


def _measured(name: str, value: Callable[[Interval | None], Any]) -> Callable[[Any], SafeString]:
    """Return a cell with a variant's measure, and below it what may be said beside the control."""

    def cell(row: VariantNumbers) -> SafeString:
        own = value(getattr(row, name))
        if row.outcomes is None:
            return format_html("{}", own)
        outcome: Outcome = getattr(row.outcomes, name)
        verdict = badge(*_VERDICTS[outcome.verdict])
        if outcome.difference is None:
            return format_html("{}<br>{}", own, verdict)
        return format_html(
            '{}<br>{}<br><span class="quiet">difference</span> {}',
            own, verdict, value(outcome.difference),
        )  # fmt: skip

    return cell


_VARIANT = (
    Column("Name", lambda row: row.variant, "nowrap"),
    Column("Weight", lambda row: number(row.weight), "num"),
    Column("Lists", lambda row: number(row.lists), "num"),
    Column("CTR", _measured("ctr", _share)),
    Column("Conversions / list", _measured("conversion_rate", _share)),
    Column("Revenue / list", _measured("revenue_per_list", _amount)),
)
_DAY = (
    Column("Day (UTC)", lambda row: _day(row.day), "nowrap"),
    Column("Lists", lambda row: number(row.lists), "num"),
    Column("Clicks", lambda row: number(row.clicks), "num"),
    Column("CTR", lambda row: _share(row.ctr), "wide-only"),
    Column("Conversions", lambda row: number(row.conversions), "num"),
    Column("Revenue", lambda row: money(row.revenue), "num"),
)
