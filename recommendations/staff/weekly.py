"""What the weekly report says, as panels of its job's page."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.staff.html import NOTHING, number
from core.staff.resource import Column, Panel
from recommendations.services.jobs import Job

_TABLE = "staff/panels/table.html"
_MODELS = {"model": "Live model", "popular": "Popular list", "trending": "Trending, 14 days"}
_MEASURES = {"recall@20": "Recall@20", "ndcg@20": "NDCG@20", "hit_rate@20": "Hit rate@20"}
_COUNTS = {
    "impressions": "Products shown",
    "clicks": "Clicks",
    "ctr": "Share of clicks",
    "conversions": "Products bought",
    "conversion_rate": "Share bought",
    "revenue_share": "Share of the shop's revenue",
}


def weekly_panels(job: Job) -> Sequence[Panel]:
    """Return how the live model did, and what recommendations led to; nothing of a failed job."""
    result = job.result
    if job.name != "report" or "shown" not in result:
        return ()
    return [_quality(result), _shown(result)]


def _quality(result: Mapping[str, Any]) -> Panel:
    title = f"Quality, {result['from']} to {result['to']}"
    if result["quality"] is None:
        return Panel(
            title=title,
            template="staff/panels/sentences.html",
            context={
                "sentences": [
                    "Nobody bought anything new to them in these days, so there is nothing to "
                    "measure the model on."
                ]
            },
            width="half",
        )
    rows = [
        [name, *(_share(result["quality"][of][measure]) for of in _MODELS)]
        for measure, name in _MEASURES.items()
    ]
    low, high = result["difference"]
    verdict = "better than" if low > 0 else "worse than" if high < 0 else "about as good as"
    return Panel(
        title=title,
        template=_TABLE,
        description=(
            f"Learnt from everything before, measured on what {number(result['users'])} customers "
            f"bought that was new to them: {verdict} the popular list (NDCG differs by {low:+.3f} "
            f"to {high:+.3f})."
        ),
        context=_table("Quality", ["Measure", *_MODELS.values()], rows),
        width="half",
    )


def _shown(result: Mapping[str, Any]) -> Panel:
    shown, before = result["shown"], result["before"]
    rows = [
        [label, *(_value(name, counts[name]) for counts in (shown, before))]
        for name, label in _COUNTS.items()
    ]
    return Panel(
        title="What recommendations led to",
        template=_TABLE,
        context=_table("Recommendations", ["", "These 7 days", "7 days before"], rows),
        width="half",
    )


def _table(label: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> Mapping[str, Any]:
    columns = [
        Column(head, lambda row: row, "num" if place else "") for place, head in enumerate(heads)
    ]
    return {
        "label": label,
        "columns": columns,
        "rows": [list(zip(columns, row, strict=True)) for row in rows],
    }


def _value(name: str, value: float | None) -> Any:
    return number(value) if name in {"impressions", "clicks", "conversions"} else _share(value)


def _share(share: float | None) -> Any:
    return NOTHING if share is None else f"{100 * share:.1f} %"
