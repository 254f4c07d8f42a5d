"""Not personal: the ready lists of what sells, what sells lately, and what is new."""

from collections.abc import Iterable
from functools import partial

from recommendations.profiles import Entry
from recommendations.services.recommend.types import Candidates, Recommender, Request
from recommendations.storage.reads import Reads, Wanted

_NAMES = ("popular", "trending", "latest")
_MAX_CATEGORIES = 20


def category_list(category: str) -> str:
    """Return the name of the ready list of a category's popular products."""
    return f"popular#{category}"


def ready_rows(names: Iterable[str]) -> Wanted:
    """Return what those among some recommenders read that have a ready list."""
    return Wanted(lists=[name for name in names if name in _NAMES])


def category_lists(request: Request) -> Wanted:
    """Return the lists of the categories asked for: of all lists these pass most often."""
    names = (name for each in request.filters for name in each.categories.any_of)
    once = list(dict.fromkeys(names))[:_MAX_CATEGORIES]
    return Wanted(trained_lists=[category_list(name) for name in once])


def filling(request: Request) -> Wanted:
    """Return all ready lists that may fill up an answer."""
    return ready_rows(request.fallbacks) | category_lists(request)


def _wanted(request: Request, *, name: str) -> Wanted:
    return Wanted(users=request.users, lists=[name])


def _propose(_request: Request, reads: Reads, *, name: str) -> Candidates:
    return Candidates(
        entries=[Entry(item_id, score, name) for item_id, score in reads.ready_list(name)],
        checked=reads.is_checked(name),
    )


def _ready(name: str) -> Recommender:
    return Recommender(partial(_wanted, name=name), partial(_propose, name=name))


POPULAR = _ready("popular")
TRENDING = _ready("trending")
LATEST = _ready("latest")
