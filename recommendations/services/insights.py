"""What recommendations led to: clicks, conversions and revenue, by day and by variant."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from core.validation import InvalidInputError
from recommendations.attribution import DIRECT
from recommendations.measures import (
    Experiment,
    Groups,
    Numbers,
    SampleRatio,
    VariantNumbers,
    count,
    money,
    numbers,
    total,
    variant_numbers,
)
from recommendations.services import experiments
from recommendations.statistics import DAY_SHARDS, SHOP
from recommendations.storage import insights as storage
from recommendations.storage import serving

MAX_DAYS = 366
_OF_SHOP = "attributed_"


class DayNumbers(Numbers, frozen=True, kw_only=True):
    """What was counted on one day, in UTC."""

    day: date


class ItemDay(msgspec.Struct, frozen=True, kw_only=True):
    """What happened with a product on one day, in UTC."""

    day: date
    views: int
    carts: int
    units: int
    revenue: Decimal


class ShopDay(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in the whole shop on one day, in UTC; ``owed`` is what recommendations did."""

    day: date
    events: int
    purchases: int
    revenue: Decimal
    owed_lists: int
    owed_impressions: int
    owed_clicks: int
    owed_conversions: int
    owed_revenue: Decimal


class ShopSales(msgspec.Struct, frozen=True, kw_only=True):
    """What the shop sold in all, recommended or not.

    ``attributed_share`` is the share of the revenue that followed recommendations.
    """

    orders: int
    units: int
    revenue: Decimal
    attributed_share: float | None


class ExperimentState(msgspec.Struct, frozen=True, kw_only=True):
    """The experiment behind the variants, which are counted from its first whole day on.

    ``days`` is on how many days something was shown since.
    """

    control: str
    since: date
    days: int
    sample_ratio: SampleRatio | None


class Insights(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """What the recommendations of a placement, or of the whole shop, led to.

    ``shop`` comes without a placement, ``experiment`` with one that runs an experiment.
    """

    placement: str | None
    since: date
    until: date
    total: Numbers
    days: list[DayNumbers]
    variants: list[VariantNumbers]
    experiment: ExperimentState | None
    shop: ShopSales | None


def report(*, since: date, until: date, placement: str | None = None) -> Insights:
    """Return what was counted from one day to another, both included, in UTC.

    ``direct`` stands for the answers that no placement gave; its variants are the recommenders.

    Raises
    ------
    InvalidInputError
        When the days are in the wrong order, or more than a year.
    UnknownPlacementError
        When there never was a placement of this name.
    """
    check_period(since=since, until=until)
    experiment = None
    if placement is not None and placement != DIRECT:
        experiment = experiments.running(placement=placement)
    return _report(since, until, placement, experiment)


def check_period(*, since: date, until: date) -> None:
    """Refuse days that `report` does not answer for.

    Raises
    ------
    InvalidInputError
        When they are in the wrong order, or more than a year.
    """
    if since > until:
        raise InvalidInputError({"from": ["Give a day that is not after `to`."]})
    if (until - since).days >= MAX_DAYS:
        raise InvalidInputError({"from": [f"Ask for at most {MAX_DAYS} days at once."]})


def running_result(*, placement: str, until: date) -> Insights:
    """Return what a placement's experiment led to since it began, in three round trips.

    Raises
    ------
    UnknownPlacementError
        When there never was a placement of this name.
    """
    experiment = experiments.running(placement=placement)
    since = until if experiment is None else min(experiment.since, until)
    earliest = until - timedelta(days=MAX_DAYS - 1)
    return _report(max(since, earliest), until, placement, experiment)


def _report(
    since: date, until: date, placement: str | None, experiment: Experiment | None
) -> Insights:
    (generation, *_) = serving.state().generations
    counted = storage.find(
        placement=placement or SHOP, since=since, until=until, generation=generation
    )
    days = {day: _sum(variants.values()) for day, variants in counted.items()}
    shop = None
    if placement is None:
        sold = _sum(days.values())
        days = {day: _attributed(groups) for day, groups in days.items()}
        shop = _sales(sold)
    variants, state = _variants(counted, experiment)
    return Insights(
        placement=placement,
        since=since,
        until=until,
        total=numbers(_sum(days.values())),
        days=[
            DayNumbers(day=day, **msgspec.structs.asdict(numbers(days.get(str(day), []))))
            for day in _days(since, until)
        ],
        variants=variants,
        experiment=state,
        shop=shop,
    )


def item_days(*, item_id: str, since: date, until: date) -> list[ItemDay]:
    """Return what happened with a product on each day, both ends included, in two round trips."""
    (generation, *_) = serving.state().generations
    counted = storage.find_item(item_id=item_id, since=since, until=until, generation=generation)
    return [
        ItemDay(
            day=day,
            views=int(counts.get("views", 0)),
            carts=int(counts.get("carts", 0)),
            units=int(counts.get("units", 0)),
            revenue=Decimal(counts.get("revenue", 0)),
        )
        for day in _days(since, until)
        for counts in [counted.get(str(day), {})]
    ]


def shop_days(*, since: date, until: date) -> list[ShopDay]:
    """Return what happened in the shop on each day, both ends included, in two round trips."""
    (generation, *_) = serving.state().generations
    counted = storage.find(placement=SHOP, since=since, until=until, generation=generation)
    found = []
    for day in _days(since, until):
        groups = _sum(counted.get(str(day), {}).values())
        owed = _attributed(groups)
        found.append(
            ShopDay(
                day=day,
                events=count(groups, "events"),
                purchases=count(groups, "purchases"),
                revenue=money(groups, "revenue"),
                owed_lists=count(owed, "lists"),
                owed_impressions=count(owed, "impressions"),
                owed_clicks=count(owed, "clicks"),
                owed_conversions=count(owed, "conversions"),
                owed_revenue=money(owed, "revenue"),
            )
        )
    return found


def _days(since: date, until: date) -> list[date]:
    return [since + timedelta(days=n) for n in range((until - since).days + 1)]


def _sum(parts: Iterable[Groups]) -> Groups:
    return total(parts, groups=DAY_SHARDS)


def _attributed(groups: Groups) -> Groups:
    """Return of the shop's counts those of recommendations, under the names of a placement's."""
    return [
        {
            name.removeprefix(_OF_SHOP): value
            for name, value in counts.items()
            if name.startswith(_OF_SHOP)
        }
        for counts in groups
    ]


def _sales(sold: Groups) -> ShopSales:
    revenue, attributed = money(sold, "revenue"), money(sold, f"{_OF_SHOP}revenue")
    return ShopSales(
        orders=count(sold, "purchases"),
        units=count(sold, "units"),
        revenue=revenue,
        attributed_share=round(float(attributed / revenue), 6) if revenue else None,
    )


def _variants(
    counted: Mapping[str, Mapping[str, Groups]], experiment: Experiment | None
) -> tuple[list[VariantNumbers], ExperimentState | None]:
    """Return what the variants led to, since the experiment began if there is one."""
    since = "" if experiment is None else str(experiment.since)
    days = [variants for day, variants in counted.items() if day >= since]
    names = {name for variants in days for name in variants if name}
    if experiment is not None:
        names |= experiment.weights.keys()
    sums = {name: _sum(day[name] for day in days if name in day) for name in names}
    variants, sample_ratio = variant_numbers(sums, experiment=experiment, days=len(days))
    if experiment is None:
        return variants, None
    return variants, ExperimentState(
        control=next(iter(experiment.weights)),
        since=experiment.since,
        days=len(days),
        sample_ratio=sample_ratio,
    )
