"""Counters of placements over days, read by their keys."""

from collections import defaultdict
from datetime import date

from recommendations.measures import Groups
from recommendations.models import ItemStatsRow, PlacementStatsRow
from recommendations.statistics import DAY_SHARDS, Counts, item_day
from recommendations.storage.statistics import counts_of


def find_item(*, item_id: str, since: date, until: date, generation: int) -> dict[str, Counts]:
    """Return what was counted of a product, by day (ISO 8601); days without any are left out."""
    first, last = (f"{generation}#{item_day(str(day))}" for day in (since, until))
    rows = ItemStatsRow.query(item_id, ItemStatsRow.period.between(first, last))
    return {row.period.rpartition("#")[2]: counts_of(row) for row in rows}


def find(
    *, placement: str, since: date, until: date, generation: int
) -> dict[str, dict[str, Groups]]:
    """Return what was counted in a placement from one day to another, both included.

    A row is some 200 bytes, so one round trip holds about 5,000: most of a year of one variant.

    Returns
    -------
    dict
        By day (ISO 8601) and variant, the counts of each random group of users. Days without any
        are left out.
    """
    found: dict[str, dict[str, Groups]] = defaultdict(
        lambda: defaultdict(lambda: [{} for _ in range(DAY_SHARDS)])
    )
    first, last = f"{generation}#day#{since}#", f"{generation}#day#{until}#~"
    for row in PlacementStatsRow.query(placement, PlacementStatsRow.period.between(first, last)):
        _, _, day, variant, shard = row.period.split("#")
        found[day][variant][int(shard)] = counts_of(row)
    return found
