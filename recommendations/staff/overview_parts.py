"""What the first page asks for by itself: the shop's numbers, and what needs attention."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from core.staff.base import ToolView
from core.staff.charts import chart
from core.staff.html import age, day, money, number, percent
from core.staff.links import detail_url, list_url
from core.validation import from_iso
from recommendations.services import dead_letters, following, insights, jobs, versions
from recommendations.services.following import Following
from recommendations.services.insights import ShopDay
from recommendations.staff.job_panels import progress_context

_PERIODS = (7, 28, 90)
_USUAL = 28
_LETTERS = 20
_LARGE = 10_000
_JOBS = 10
_MODELS = 50
_OLD = timedelta(days=7)
# Events are usually handled within seconds.
_SLOW = timedelta(minutes=2)

_Days = Sequence[ShopDay]


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of the shop: over some days, as text, and where it comes from."""

    label: str
    value: Callable[[_Days], float | Decimal | None]
    text: Callable[[Any], Any]
    url: Callable[[], str]
    digits: int = 0


def _sum(name: str) -> Callable[[_Days], Any]:
    return lambda days: sum(getattr(day, name) for day in days)


def _share(part: str, whole: str) -> Callable[[_Days], float | None]:
    def share(days: _Days) -> float | None:
        hits, total = _sum(part)(days), _sum(whole)(days)
        # Where more was clicked than shown, not all that was shown was reported.
        return float(hits / total) if total and hits <= total else None

    return share


def _insights() -> str:
    return reverse("admin:insights")


def _events(kind: str = "") -> Callable[[], str]:
    return lambda: list_url("events", **({"type": kind} if kind else {}))


def _amount(amount: Decimal | None) -> Any:
    """Return money; without cents where they would only take room."""
    return f"{amount:,.0f}" if amount is not None and amount >= _LARGE else money(amount)


# Those that a chart shows by day; how many users and items there are is known from the models.
MEASURES = {
    "events": Measure("Events", _sum("events"), number, _events()),
    "purchases": Measure("Purchases", _sum("purchases"), number, _events("purchase")),
    "revenue": Measure("Revenue", _sum("revenue"), _amount, _insights, 2),
    "ctr": Measure(
        "Clicks / shown", _share("owed_clicks", "owed_impressions"), percent, _insights, 4
    ),
    "conversion": Measure(
        "Bought / list shown", _share("owed_conversions", "owed_lists"), percent, _insights, 4
    ),
    "owed": Measure("Revenue owed to recommendations", _sum("owed_revenue"), _amount, _insights, 2),
}


def asked(request: HttpRequest) -> dict[str, str]:
    """Return the measure and the number of days that an address asks for."""
    measure, days = request.GET.get("measure", ""), request.GET.get("days", "")
    return {
        "measure": measure if measure in MEASURES else "revenue",
        "days": days if days in map(str, _PERIODS) else str(_USUAL),
    }


class NumbersPart(ToolView):
    """Tiles beside the period before, and one of them as a chart."""

    title = "Numbers"
    permission = "recommendations:read"

    def get(self, request: HttpRequest) -> HttpResponse:
        wanted = asked(request)
        length = int(wanted["days"])
        until = datetime.now(UTC).date()
        days = insights.shop_days(since=until - timedelta(days=2 * length - 1), until=until)
        before, now = days[:length], days[length:]
        chosen = MEASURES[wanted["measure"]]
        context = {
            **wanted,
            "measures": [(name, each.label) for name, each in MEASURES.items()],
            "periods": [(str(number), f"{number} days") for number in _PERIODS],
            "tiles": [
                *_model_tiles(length),
                *(_tile(each, now, before) for each in MEASURES.values()),
            ],
            "is_counted": any(day.events for day in days),
            "title": f"{chosen.label} per day",
            "chart": _chart(chosen, now, before),
        }
        template = "staff/recommendations/numbers.html"
        return TemplateResponse(request, template, {"data": context})


def _chart(chosen: Measure, now: _Days, before: _Days) -> Mapping[str, Any] | None:
    """Return the days of a period as bars, with those of the period before as a line."""
    values, old = ([chosen.value([day]) or 0 for day in days] for days in (now, before))
    if not any(values) and not any(old):
        return None
    return chart(
        f"{chosen.label} per day",
        values,
        since=now[0].day,
        digits=chosen.digits,
        beside=(f"The {len(before)} days before", old),
    )


def _model_tiles(days: int) -> list[dict[str, Any]]:
    """Return the users and items that the newest model knows, beside a model of days ago."""
    complete = [row for row in versions.listing(limit=_MODELS).rows if row.data.get("users")]
    if not complete:
        return []
    newest = complete[0]
    long_ago = from_iso(newest.created_at) - timedelta(days=days)
    older = next((row for row in complete if from_iso(row.created_at) <= long_ago), None)
    return [
        {
            "label": label,
            "value": number(newest.data[name]),
            "trend": f"known on {day(from_iso(newest.created_at))}"
            if older is None
            else _trend(newest.data[name], older.data.get(name)),
            "url": list_url(name),
        }
        for name, label in (
            ("users", "Users"),
            ("items", "Items"),
        )
    ]


def _tile(measure: Measure, now: _Days, before: _Days) -> dict[str, Any]:
    value, old = measure.value(now), measure.value(before)
    return {
        "label": measure.label,
        "value": measure.text(value),
        "trend": _trend(value, old),
        "url": measure.url(),
    }


def _trend(value: float | Decimal | None, old: float | Decimal | None) -> str:
    if value is None:
        return "no list was reported as shown"
    if not old:
        return "nothing to compare with"
    change = round(100 * (float(value) / float(old) - 1))
    if not change:
        return "as before"
    return f"{'▲' if change > 0 else '▼'} {abs(change):,} %"


class StreamPart(ToolView):
    """How far behind the shop profiles, counters and lists are."""

    title = "Stream"
    permission = "recommendations:read"

    def get(self, request: HttpRequest) -> HttpResponse:
        template = "staff/recommendations/stream.html"
        return TemplateResponse(request, template, {"data": _stream(following.state())})


def _stream(state: Following) -> dict[str, Any]:
    handled, since = state.handled, state.waiting_since
    now = datetime.now(UTC)
    last = "" if handled is None else f"It last handled events {age(handled.at)}"
    if since is not None and now - since > _SLOW:
        return {
            "tone": "bad",
            "label": "behind",
            "text": f"An event of {since:%H:%M} UTC has not been counted yet. {last}",
            "url": reverse("admin:dead-letters_list"),
        }
    if handled is None:
        text = "No event has come through it yet, so how far behind it is is not known"
        return {"tone": "", "label": "unknown", "text": text, "url": ""}
    waited = handled.waited.total_seconds()
    slow = handled.waited > _SLOW
    return {
        "tone": "busy" if slow else "good",
        "label": "slow" if slow else "up to date",
        "text": f"{last}, {_seconds(waited)} after the oldest of them was stored",
        "url": "",
    }


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    if seconds < 120:
        return f"{seconds:,.0f} seconds"
    return f"{seconds / 60:,.0f} minutes"


class AttentionPart(ToolView):
    """What somebody should look at, each with where to go."""

    title = "What needs attention"
    permission = "recommendations:read"

    def get(self, request: HttpRequest) -> HttpResponse:
        data = {"rows": [*_letters(), *_failed_jobs(), *_newest_model()]}
        template = "staff/recommendations/attention.html"
        return TemplateResponse(request, template, {"data": data})


def _row(text: str, label: str, url: str) -> dict[str, str]:
    return {"text": text, "label": label, "url": url}


def _letters() -> list[dict[str, str]]:
    count = len(dead_letters.listing(limit=_LETTERS).rows)
    if not count:
        return []
    many = f"{count} or more" if count == _LETTERS else str(count)
    text = f"Profiles and counters could not follow some events: {many} failed"
    return [_row(text, "Look at them", list_url("dead-letters"))]


def _failed_jobs() -> list[dict[str, str]]:
    """Return the jobs whose newest run has failed or fallen silent."""
    newest = {job.name: job for job in reversed(jobs.listing(limit=_JOBS).rows)}
    rows = []
    for job in newest.values():
        url = detail_url("jobs", job.job_id)
        if job.state == "failed":
            rows.append(_row(f"The last {job.name} has failed", "See why", url))
        elif progress_context(job)["silent"]:
            rows.append(_row(f"The {job.name} that runs has fallen silent", "Look at it", url))
    return rows


def _newest_model() -> list[dict[str, str]]:
    found = versions.listing(limit=1).rows
    if not found:
        return [_row("No model has been trained yet", "To the models", list_url("models"))]
    (version,) = found
    url = detail_url("models", version.version)
    if version.state == "rejected":
        return [_row("The newest model was not published", "See why", url)]
    since = datetime.now(UTC) - from_iso(version.created_at)
    if since > _OLD:
        text = f"The newest model is {since.days} days old"
        return [_row(text, "To the models", list_url("models"))]
    return []
