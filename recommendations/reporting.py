"""The report of a model version as a page: charts without scripts, and one HTML file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string

from recommendations.services.report import Report

NAMES = {
    "model": "This model",
    "live": "Live model then",
    "popular": "Popular list, all time",
    "trending": "Trending list, 14 days",
    "cosine": "Plain cosine",
    "events": "What customers do",
}
_MEASURES = {
    "ndcg@20": "NDCG@20",
    "recall@20": "Recall@20",
    "mrr@20": "MRR@20",
    "hit_rate@20": "Hit rate@20",
    "ndcg@10": "NDCG@10",
    "recall@10": "Recall@10",
    "coverage@20": "Coverage@20",
    "novelty@20": "Novelty@20 (bits)",
}
_CHARTED = ("ndcg@20", "recall@20", "coverage@20")
_ROWS = {
    "neighbours": "Products with similar ones",
    "content": "of these by name, categories and labels only",
    "bought_together": "Products with partners in the basket",
    "next": "Products with others that follow",
    "lists": "Ready lists",
}
_SKIPPED = {
    "unreadable": "could not be read",
    "future": "have a time that is yet to come",
    "unreadable products": "are products that could not be read",
}
_WIDTH, _HEIGHT = 600, 200


@dataclass(frozen=True, slots=True)
class Cell:
    """A measure with its 95 % interval, both ready to be read."""

    text: str
    interval: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, ``width`` percent of the longest, with its 95 % interval where it is known."""

    name: str
    css: str
    text: str
    width: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Bars that are compared with each other."""

    label: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart as the points of an SVG polyline."""

    name: str
    css: str
    points: str


def as_html(report: Report, *, back: str | None = None) -> str:
    """Render a report: a page of the site that leads ``back``, or a file that needs no other."""
    style = _style() if back is None else ""
    return render_to_string(
        "recommendations/report.html", {**context(report), "back": back, "style": style}
    )


def context(report: Report) -> dict[str, Any]:
    """Return what the template shows."""
    version = report.version
    names = [name for name in NAMES if name in version.metrics]
    exposure = version.data.get("exposure", {})
    top = max((share for shares in exposure.values() for share in shares), default=0.0) or 1.0
    return {
        "report": report,
        "version": version,
        "names": [(name, NAMES[name]) for name in names],
        "measures": [
            (label, [_cell(version.metrics[name], measure) for name in names])
            for measure, label in _MEASURES.items()
        ],
        "quality": _quality(version.metrics, names),
        "groups": _groups(version.data.get("by_history", []), names),
        "lines": _lines(exposure, top),
        "sizes": _sizes(version.data),
        "chart": {"width": _WIDTH, "height": _HEIGHT, "top": f"{top:.0%}"},
        "refined": f"{version.data['refined_share']:.0%}"
        if "refined_share" in version.data
        else "",
        "notes": list(_notes(version.data)),
        "rows": [
            (label, f"{version.rows[name]:,}")
            for name, label in _ROWS.items()
            if name in version.rows
        ],
        "trials": _trials(version.data.get("tuning")),
    }


def _style() -> str:
    path = finders.find("staff/report.css")
    return Path(path).read_text(encoding="utf-8") if isinstance(path, str) else ""


def _cell(metrics: Mapping[str, Any], measure: str) -> Cell:
    interval = metrics.get("intervals", {}).get(measure)
    return Cell(
        text=f"{metrics.get(measure, 0.0):.4f}",
        interval=f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else "",
    )


def _sizes(data: Mapping[str, Any]) -> dict[str, str]:
    sizes = {**data, "measured": data.get("holdout", {}).get("users")}
    return {name: f"{sizes.get(name) or 0:,}" for name in ("events", "users", "items", "measured")}


def _notes(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a reader of the measures should know."""
    skipped = data.get("skipped") or {}
    parts = [f"{count:,} {_SKIPPED.get(reason, reason)}" for reason, count in skipped.items()]
    if parts:
        yield f"Left out of the stored rows: {', '.join(parts)}."
    holdout = data.get("holdout", {})
    share = holdout.get("events_share", 1.0)
    if share < 1:
        yield f"Measured on a sample of the users, with {share:.0%} of the events."
    if holdout.get("refine_seconds") is not None:
        yield f"Each measured model was refined for at most {holdout['refine_seconds']} seconds."
    if data.get("resumed_items"):
        yield f"Refining went on from {data['resumed_items']:,} items of a run that was cut short."


def _quality(metrics: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> list[Group]:
    return [
        Group(label=_MEASURES[measure], bars=_with_intervals(metrics, names, measure))
        for measure in _CHARTED
    ]


def _with_intervals(
    metrics: Mapping[str, Mapping[str, Any]], names: Sequence[str], measure: str
) -> tuple[Bar, ...]:
    intervals = {name: metrics[name].get("intervals", {}).get(measure) for name in names}
    values = {name: metrics[name].get(measure, 0.0) for name in names}
    top = max([*values.values(), *(each[1] for each in intervals.values() if each)], default=0.0)
    scale = 100 / top if top else 0.0
    return tuple(
        Bar(
            NAMES[name],
            name,
            f"{value:.3f}",
            round(scale * value, 1),
            *(round(scale * each, 1) for each in intervals[name] or ()),
        )
        for name, value in values.items()
    )


def _groups(by_history: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Group]:
    top = max(
        (group["metrics"][name][_CHARTED[0]] for group in by_history for name in names), default=0.0
    )
    return [
        Group(
            label=_range(group["least"], group["most"], group["users"]),
            bars=tuple(
                Bar(
                    NAMES[name],
                    name,
                    f"{group['metrics'][name][_CHARTED[0]]:.3f}",
                    round(100 * group["metrics"][name][_CHARTED[0]] / top, 1) if top else 0.0,
                )
                for name in names
            ),
        )
        for group in by_history
    ]


def _range(least: int, most: int | None, users: int) -> str:
    span = f"{least} products or more" if most is None else f"{least} to {most} products"
    return f"{span} ({users} users)"


def _lines(exposure: Mapping[str, Sequence[float]], top: float) -> list[Line]:
    return [
        Line(
            NAMES[name],
            name,
            " ".join(
                f"{place * _WIDTH / 9:.0f},{_HEIGHT * (1 - share / top):.1f}"
                for place, share in enumerate(exposure[name])
            ),
        )
        for name in NAMES
        if name in exposure
    ]


def _trials(tuning: Mapping[str, Any] | None) -> list[tuple[str, str, bool]]:
    """Return each trial as (parameters, score, was chosen), best first."""
    if not tuning:
        return []
    ranked = sorted(tuning["trials"], key=lambda trial: -trial["score"])
    return [
        (
            ", ".join(f"{name} = {value:g}" for name, value in trial["changes"].items())
            or "the defaults",
            f"{trial['score']:.4f}",
            trial["changes"] == tuning["changes"],
        )
        for trial in ranked
    ]
