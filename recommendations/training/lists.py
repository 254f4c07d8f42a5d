"""The ready lists of a model version: popular, trending, and popular in each category."""

from collections import defaultdict

from recommendations.engine.interactions import Interactions
from recommendations.engine.popularity import popular, trending
from recommendations.services.recommend import category_list
from recommendations.storage import items

LENGTH = 200
TRENDING_DAYS = 14.0

ReadyList = list[tuple[str, float]]


def ready_lists(interactions: Interactions, *, now: float) -> dict[str, ReadyList]:
    """Return the lists that are not personal, by name, best first; ``now`` in epoch seconds."""
    return {
        "popular": popular(interactions, LENGTH),
        "trending": trending(interactions, LENGTH, now=now, window_days=TRENDING_DAYS),
        **_by_category(popular(interactions, interactions.n_items)),
    }


def _by_category(ranked: ReadyList) -> dict[str, ReadyList]:
    lists: dict[str, ReadyList] = defaultdict(list)
    found = items.find([item_id for item_id, _ in ranked])
    for item_id, score in ranked:
        item = found.get(item_id)
        for category in item.categories if item is not None else ():
            entries = lists[category_list(category)]
            if len(entries) < LENGTH:
                entries.append((item_id, score))
    return lists
