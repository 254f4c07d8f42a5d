"""The lists that need no model: popular, trending and latest, made from counters and catalogue.

They are a function of the counters, the catalogue, the settings and the time. Products are looked
at in order of points, in which a purchase counts five times as much as a view (`recommendations.
statistics.POINTS`); the weights that the shop has set decide among those.

Counters that do not know the history, as after an import that no stream has followed, would make
poor lists. So a list with less than half as many products as that of the live model stays empty,
and the model's is shown until a rebuild has counted everything.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from django.core.cache import cache

from recommendations.statistics import TOTAL, item_day, score
from recommendations.storage import item_search, items, lists, serving
from recommendations.storage.lists import Ranked
from recommendations.storage.serving import ServingState

LENGTH = 200
_SECONDS = 60
# So many more than a list holds are looked at, to make up for products that are not available.
_RESERVE = 50
_KNOWING = 0.5

Entries = list[tuple[str, float]]


def refresh_if_due(*, now: datetime | None = None) -> bool:
    """Make the lists unless somebody has within the last minute; tell whether they were made."""
    # Most calls of a busy process need not even ask.
    if not cache.add("live-lists", 1, _SECONDS):
        return False
    now = now or datetime.now(UTC)
    if not lists.claim(now=now, seconds=_SECONDS):
        return False
    refresh(now=now)
    return True


def refresh(*, now: datetime | None = None) -> dict[str, int]:
    """Make the lists; return how many products are in each."""
    state = serving.state(consistent=True)
    made = compute(state=state, now=now or datetime.now(UTC))
    lists.save(made, epoch=state.epoch)
    return {name: len(entries) for name, entries in made.items()}


def compute(*, state: ServingState, now: datetime) -> dict[str, Entries]:
    """Return the lists by name, best first, as they are at a moment.

    The score of a latest product is since when it has been there, in epoch seconds.
    """
    weights = state.preferences.event_weights
    generation = state.generations[0]
    most = LENGTH + _RESERVE
    days = [
        item_day((now - timedelta(days=age)).date().isoformat())
        for age in range(state.preferences.trending_days)
    ]
    totals = lists.ranked(period=TOTAL, generation=generation, limit=most)
    lately = [
        row for day in days for row in lists.ranked(period=day, generation=generation, limit=LENGTH)
    ]
    found = {
        "popular": _best(_scores(totals, weights), most),
        "trending": _best(_scores(lately, weights), most),
        "latest": _best(_ages(now=now, limit=most), most),
    }
    known = items.find({item_id for entries in found.values() for item_id, _ in entries})
    made = {
        name: [
            (item_id, value)
            for item_id, value in entries
            if item_id in known and known[item_id].available
        ][:LENGTH]
        for name, entries in found.items()
    }
    trained = (
        serving.candidates(version=state.live_version, lists=made).lists
        if state.live_version
        else {}
    )
    return {
        name: entries if len(entries) >= _KNOWING * len(trained.get(name, ())) else []
        for name, entries in made.items()
    }


def _scores(rows: Iterable[Ranked], weights: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        sums[row.item_id].update({name: int(count) for name, count in row.counts.items()})
    for item_id, counts in sums.items():
        yield item_id, score(counts, weights=weights)


def _ages(*, now: datetime, limit: int) -> Iterator[tuple[str, float]]:
    since = item_search.newest(now=now, limit=limit)
    for item_id, item in items.find(since).items():
        moment = item.published_at or since[item_id]
        if moment <= now:
            yield item_id, moment.timestamp()


def _best(scores: Iterable[tuple[str, float]], limit: int) -> Entries:
    positive = (entry for entry in scores if entry[1] > 0)
    return sorted(positive, key=lambda entry: (-entry[1], entry[0]))[:limit]
