"""The ready lists of a model version: popular, trending, and popular in each category."""

from collections import defaultdict

from recommendations.engine.interactions import Interactions
from recommendations.engine.popularity import popular, trending
from recommendations.services.recommend import category_list
from recommendations.training.catalogue import Catalogue

LENGTH = 200

ReadyList = list[tuple[str, float]]


def ready_lists(
    interactions: Interactions, catalogue: Catalogue, *, now: float, trending_days: float
) -> dict[str, ReadyList]:
    """Return the lists that are not personal, by name, best first; ``now`` in epoch seconds.

    Products that are not available or deleted take no place.
    """
    n_items = interactions.n_items
    ranked = _shown(popular(interactions, n_items), catalogue)
    lately = trending(interactions, n_items, now=now, window_days=trending_days)
    return {
        "popular": ranked[:LENGTH],
        "trending": _shown(lately, catalogue)[:LENGTH],
        **_by_category(ranked, catalogue),
    }


def _shown(ranked: ReadyList, catalogue: Catalogue) -> ReadyList:
    return [(item_id, score) for item_id, score in ranked if item_id not in catalogue.hidden]


def _by_category(ranked: ReadyList, catalogue: Catalogue) -> dict[str, ReadyList]:
    lists: dict[str, ReadyList] = defaultdict(list)
    for item_id, score in ranked:
        text = catalogue.texts.get(item_id)
        for category in text.categories if text is not None else ():
            entries = lists[category_list(category)]
            if len(entries) < LENGTH:
                entries.append((item_id, score))
    return lists
