"""The report of a model version as a page: charts without scripts, and one HTML file."""

from collections.abc import Mapping, Sequence
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
_CHARTED = "ndcg@20"
_WIDTH, _HEIGHT = 600, 200


@dataclass(frozen=True, slots=True)
class Cell:
    """A measure with its 95 % interval, both ready to be read."""

    text: str
    interval: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, ``width`` percent of the longest."""

    name: str
    css: str
    text: str
    width: float


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
        "groups": _groups(version.data.get("by_history", []), names),
        "lines": _lines(exposure, top),
        "chart": {"width": _WIDTH, "height": _HEIGHT, "top": f"{top:.0%}"},
        "refined": f"{version.data['refined_share']:.0%}"
        if "refined_share" in version.data
        else "",
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


def _groups(by_history: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Group]:
    top = max(
        (group["metrics"][name][_CHARTED] for group in by_history for name in names), default=0.0
    )
    return [
        Group(
            label=_range(group["least"], group["most"], group["users"]),
            bars=tuple(
                Bar(
                    NAMES[name],
                    name,
                    f"{group['metrics'][name][_CHARTED]:.3f}",
                    round(100 * group["metrics"][name][_CHARTED] / top, 1) if top else 0.0,
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
