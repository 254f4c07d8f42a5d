"""The weekly report: how the live model did on what customers really bought, and what it earned."""

from datetime import UTC, datetime, timedelta
from typing import Any

from recommendations.engine.evaluate import Evaluation, measure
from recommendations.engine.interactions import NO_BASKET, Interactions
from recommendations.engine.models import ItemNeighbours
from recommendations.engine.models.item_neighbours import RESERVE
from recommendations.engine.models.popular import Popular
from recommendations.services import insights, versions
from recommendations.services.jobs import JobError
from recommendations.services.progress import Progress
from recommendations.training import steps
from recommendations.training.quality import MAX_MEASURED_EVENTS, model_of
from recommendations.training.sample import sample_users
from recommendations.training.timing import Timing

DAYS = 7
MEASURES = ("recall@20", "ndcg@20", "hit_rate@20")
_TRENDING_DAYS = 14.0
_REFINING_SHARE = 0.4


def report(progress: Progress, *, timing: Timing, now: datetime | None = None) -> dict[str, Any]:
    """Measure the live model on the purchases of the last seven whole days.

    A model that has seen these purchases could only repeat them. So one with the parameters of the
    live version learns from everything before them, and is measured on what was bought then and new
    to customers that it knows, beside popularity.

    Returns
    -------
    dict
        ``version``, the days ``from`` and ``to``, and

        - ``quality``: by model, the measures of `MEASURES`; None where nobody was there to measure
        - ``users``, ``purchases``: how many were measured, on how many lines of orders
        - ``difference``: interval of NDCG less that of the popular list
        - ``shown``, ``before``: what recommendations led to in these days, and in the seven before

    Raises
    ------
    JobError
        When no model is live.
    """
    version = versions.live()
    model = model_of(version)
    if version is None or model is None:
        message = "no model is live yet; train one first"
        raise JobError(message)
    today = (now or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0)
    since = today - timedelta(days=DAYS)
    data = steps.extract(progress)
    progress.step("measuring on the purchases of the week", progress=0.4)
    sample = sample_users(data.interactions, max_events=MAX_MEASURED_EVENTS)
    before, bought = _split(sample, since=since.timestamp(), until=today.timestamp())
    measured = _measured(model, before, bought, timing=timing) if len(bought) else None
    progress.step("counting what recommendations led to", progress=0.9)
    last = today.date() - timedelta(days=1)
    first = since.date()
    return {
        "version": version,
        "from": str(first),
        "to": str(last),
        "purchases": len(bought),
        **_quality(measured),
        "shown": _shown(first, last),
        "before": _shown(first - timedelta(days=DAYS), last - timedelta(days=DAYS)),
    }


def _split(
    interactions: Interactions, *, since: float, until: float
) -> tuple[Interactions, Interactions]:
    """Return everything before a moment, and the lines of orders from there to another."""
    seconds = interactions.seconds
    orders = interactions.baskets != NO_BASKET
    return (
        interactions.take(seconds < since),
        interactions.take((seconds >= since) & (seconds < until) & orders),
    )


def _measured(
    model: ItemNeighbours, before: Interactions, bought: Interactions, *, timing: Timing
) -> Evaluation:
    _, latest = before.span
    deadline = None
    if timing.deadline is not None:
        deadline = timing.clock() + RESERVE + timing.share(_REFINING_SHARE)
    fitted = {
        "model": model.fit(before, now=latest, deadline=deadline, clock=timing.clock),
        "popular": Popular().fit(before, now=latest),
        "trending": Popular(window_days=_TRENDING_DAYS).fit(before, now=latest),
    }
    return measure(fitted, train=before, test=bought)


def _quality(measured: Evaluation | None) -> dict[str, Any]:
    if measured is None or not measured.users:
        return {"users": 0, "quality": None, "difference": None}
    return {
        "users": measured.users,
        "quality": {
            name: {each: round(values[each], steps.DIGITS) for each in MEASURES}
            for name, values in measured.metrics.items()
        },
        "difference": [
            round(bound, steps.DIGITS) for bound in measured.differences["popular"]["ndcg@20"]
        ],
    }


def _shown(since: Any, until: Any) -> dict[str, Any]:
    found = insights.report(since=since, until=until)
    total, shop = found.total, found.shop
    rates = {
        name: None if interval is None else round(interval.value, steps.DIGITS)
        for name, interval in (("ctr", total.ctr), ("conversion_rate", total.conversion_rate))
    }
    share = None if shop is None else shop.attributed_share
    return {
        "impressions": total.impressions,
        "clicks": total.clicks,
        "conversions": total.conversions,
        **rates,
        "revenue_share": None if share is None else round(share, steps.DIGITS),
    }
