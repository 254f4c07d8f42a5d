"""How good the models have been over time, and two of them beside each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from core.staff.charts import lines
from core.staff.html import NOTHING, badge, number, percent, plain
from core.staff.resource import Hint, Panel
from core.validation import from_iso
from recommendations.services import versions
from recommendations.services.versions import ModelVersion

MEASURES = {
    "recall@20": "Recall@20",
    "ndcg@20": "NDCG@20",
    "hit_rate@20": "Hit rate@20",
    "coverage@20": "Coverage@20",
}
_LINES = {"model": "Model", "popular": "Popular list", "trending": "Trending list"}
_VERSIONS = 50
_ONE = Hint(
    "One measured model is no line yet. Train again after some days to see how quality changes."
)


def measure(version: ModelVersion, name: str, *, of: str = "model") -> float | None:
    """Return a measure of a version, or of a list that was measured beside it."""
    value = version.metrics.get(of, {}).get(name)
    return value if isinstance(value, int | float) else None


def quality_panel(request: HttpRequest) -> Panel:
    """Return a measure of each model beside those of the simple lists, as lines."""
    asked = request.GET.get("measure", "")
    name = asked if asked in MEASURES else "recall@20"
    newest_first = versions.listing(limit=_VERSIONS).rows
    measured = [row for row in reversed(newest_first) if measure(row, name) is not None]
    return Panel(
        title="Quality over time",
        description=(
            "Each model when it was trained, on purchases that it had not seen, beside simply "
            "showing what sells best."
        ),
        template="staff/recommendations/model_quality.html",
        context={
            "measure": name,
            "measures": list(MEASURES.items()),
            "chart": _chart(name, measured) if len(measured) > 1 else None,
            "hint": _ONE,
        },
    )


def _chart(name: str, measured: Sequence[ModelVersion]) -> Mapping[str, Any]:
    series = {
        label: [measure(row, name, of=of) for row in measured] for of, label in _LINES.items()
    }
    return lines(
        MEASURES[name],
        {label: values for label, values in series.items() if any(v is not None for v in values)},
        times=[from_iso(row.created_at) for row in measured],
        text=lambda value: str(percent(value)),
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that two versions are compared by, ready to be read."""

    name: str
    before: Any
    after: Any
    change: Any = NOTHING


def measures_compared(before: ModelVersion, after: ModelVersion) -> list[Difference]:
    """Return the measures of two versions, each beside the popular list of its own test."""
    return [
        Difference(
            label if of == "model" else f"{label} of the popular list",
            _value(before, name, of=of),
            _value(after, name, of=of),
            _change(measure(before, name, of=of), measure(after, name, of=of), own=of == "model"),
        )
        for name, label in MEASURES.items()
        for of in ("model", "popular")
        if measure(before, name, of=of) is not None or measure(after, name, of=of) is not None
    ]


def _value(version: ModelVersion, name: str, *, of: str) -> Any:
    value = measure(version, name, of=of)
    interval = version.metrics.get(of, {}).get("intervals", {}).get(name)
    if value is None or not interval:
        return percent(value)
    low, high = interval
    return f"{percent(value)} ({percent(low)} to {percent(high)})"


def _change(before: float | None, after: float | None, *, own: bool) -> Any:
    if before is None or after is None:
        return NOTHING
    points = 100 * (after - before)
    if abs(points) < 0.05:
        return "as before"
    text = f"{points:+.1f} points"
    return badge(text, "good" if points > 0 else "bad") if own else text


def facts_compared(before: ModelVersion, after: ModelVersion) -> list[Difference]:
    """Return what two versions learnt from, and the parameters that differ."""
    rows = [
        Difference(label, number(before.data.get(name)), number(after.data.get(name)))
        for name, label in (("events", "Event lines"), ("users", "Users"), ("items", "Items"))
    ]
    names = dict.fromkeys([*before.parameters, *after.parameters])
    return rows + [
        Difference(name, plain(before.parameters.get(name)), plain(after.parameters.get(name)))
        for name in names
        if before.parameters.get(name) != after.parameters.get(name)
    ]
