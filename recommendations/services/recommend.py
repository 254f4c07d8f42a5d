"""Answer which products to show next."""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from recommendations.engine.packing import Neighbour
from recommendations.engine.rank import MAX_HISTORY, Cause, HistoryItem, rank
from recommendations.entities import Item
from recommendations.profiles import Entry, ready_list, round_score
from recommendations.services import profiles
from recommendations.storage import items, serving
from recommendations.storage.serving import ServingState

_CAUSES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """How many products, and which may be shown.

    Attributes
    ----------
    categories
        Only products that have one of these; all when empty.
    exclude
        Products to leave out.
    exclude_purchased
        Leave out what the user bought before.
    price_min, price_max
        Bounds, both included; a product without a price passes neither.
    explain
        Also say which of the user's own events carried each product.
    """

    limit: int = 10
    categories: tuple[str, ...] = ()
    exclude: frozenset[str] = frozenset()
    exclude_purchased: bool = True
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    explain: bool = False

    @property
    def needs_items(self) -> bool:
        """Tell whether the catalogue must be read to decide."""
        return bool(self.categories) or self.price_min is not None or self.price_max is not None

    def admits(self, item: Item | None) -> bool:
        """Tell whether a product passes the filters on catalogue fields."""
        if item is None:
            return False
        if self.categories and not set(self.categories) & set(item.categories):
            return False
        if self.price_min is not None and (item.price is None or item.price < self.price_min):
            return False
        return self.price_max is None or (item.price is not None and item.price <= self.price_max)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One product, its score, which recommender it came from, and the events that caused it."""

    item_id: str
    score: float
    source: str
    because: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A list of products to show, best first; ``source`` is that of the first."""

    recommendation_id: str
    model_version: str | None
    source: str
    results: tuple[Recommendation, ...]


@dataclass(frozen=True, slots=True)
class Similar:
    """A neighbour of a product; ``support`` is the number of users who have both."""

    item_id: str
    score: float
    support: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarAnswer:
    """The neighbours of a product, nearest first."""

    model_version: str | None
    results: tuple[Similar, ...]


def for_user(*, user_id: str, query: Query) -> Answer:
    """Recommend for a known user; an unknown one gets the trending and popular products.

    A fresh profile answers with one round trip; one made by another model version is computed
    anew and stored.
    """
    state, profile = serving.state_and_profile(user_id=user_id)
    if state.live_version is None:
        return _answer(state, ())
    if profile is None or profile.version != state.live_version:
        profile = profiles.refresh(user_id=user_id).profile
    if profile is None:
        return popular(query=query, state=state)
    entries: Sequence[Entry] = profile.entries
    taken = {*profile.disliked, *(profile.bought if query.exclude_purchased else ())}
    near: Mapping[str, Sequence[Neighbour]] = {}
    if query.explain or not query.exclude_purchased:
        found = profiles.candidates_for(history=profile.history, version=profile.version)
        near = found.neighbours
        if not query.exclude_purchased:
            entries = ready_list(
                history=profile.history,
                neighbours=near,
                fallbacks=profiles.fallbacks(found),
                exclude=taken,
                source="personal",
            )
    chosen = _select(entries, query=query, state=state, taken=taken, version=profile.version)
    if query.explain:
        chosen = _explain(chosen, history=profile.history, neighbours=near)
    return _answer(state, chosen)


def for_session(*, item_ids: Sequence[str], query: Query) -> Answer:
    """Recommend for a basket or an anonymous session, given its products, oldest first."""
    state = serving.state()
    if state.live_version is None:
        return _answer(state, ())
    history = [HistoryItem(item_id, 1.0, "session", "", "") for item_id in item_ids[-MAX_HISTORY:]]
    found = profiles.candidates_for(history=history, version=state.live_version)
    entries = ready_list(
        history=history,
        neighbours=found.neighbours,
        fallbacks=profiles.fallbacks(found),
        exclude=set(item_ids),
        source="similar",
    )
    chosen = _select(
        entries, query=query, state=state, taken=set(item_ids), version=state.live_version
    )
    if query.explain:
        chosen = _explain(chosen, history=history, neighbours=found.neighbours)
    return _answer(state, chosen)


def popular(*, query: Query, state: ServingState | None = None) -> Answer:
    """Recommend what sells: lately first, then over all time."""
    return _ready(("trending", "popular") if state else ("popular",), query=query, state=state)


def trending(*, query: Query) -> Answer:
    """Recommend what sold most in the last 14 days."""
    return _ready(("trending",), query=query, state=None)


def _ready(names: Sequence[str], *, query: Query, state: ServingState | None) -> Answer:
    state = state or serving.state()
    if state.live_version is None:
        return _answer(state, ())
    found = serving.candidates(version=state.live_version, lists=names)
    entries: dict[str, Entry] = {}
    for name in names:
        for item_id, score in found.lists.get(name, []):
            entries.setdefault(item_id, Entry(item_id, score, name))
    chosen = _select(
        list(entries.values()), query=query, state=state, taken=set(), version=state.live_version
    )
    return _answer(state, chosen)


def similar(*, item_id: str, query: Query) -> SimilarAnswer:
    """Return the neighbours of a product."""
    state = serving.state()
    if state.live_version is None:
        return SimilarAnswer(model_version=None, results=())
    near = serving.candidates(version=state.live_version, item_ids=[item_id]).neighbours
    support = {row.item_id: row.support for row in near.get(item_id, [])}
    entries = [
        Entry(row.item_id, round_score(row.weight), "similar") for row in near.get(item_id, [])
    ]
    chosen = _filter(entries, query=query, taken={item_id, *state.hidden, *query.exclude})
    return SimilarAnswer(
        model_version=state.live_version,
        results=tuple(
            Similar(row.item_id, row.score, support[row.item_id]) for row in chosen[: query.limit]
        ),
    )


def _select(
    entries: Sequence[Entry],
    *,
    query: Query,
    state: ServingState,
    taken: Collection[str],
    version: str,
) -> list[Recommendation]:
    """Filter the candidates, and fill up from the categories' own lists when too few pass."""
    barred = {*taken, *state.hidden, *query.exclude}
    chosen = _filter(entries, query=query, taken=barred)
    if len(chosen) < query.limit and query.categories:
        names = [category_list(category) for category in query.categories]
        lists = serving.candidates(version=version, lists=names).lists
        more = sorted(
            (
                Entry(item_id, score, "popular")
                for name in names
                for item_id, score in lists.get(name, [])
            ),
            key=lambda entry: (-entry.score, entry.item_id),
        )
        barred.update(entry.item_id for entry in chosen)
        chosen += _filter(more, query=query, taken=barred)
    return [Recommendation(row.item_id, row.score, row.source) for row in chosen[: query.limit]]


def category_list(category: str) -> str:
    """Return the name of the ready list of a category's popular products."""
    return f"popular#{category}"


def _filter(entries: Iterable[Entry], *, query: Query, taken: Collection[str]) -> list[Entry]:
    open_ones: dict[str, Entry] = {}
    for entry in entries:
        if entry.item_id not in taken:
            open_ones.setdefault(entry.item_id, entry)
    if not query.needs_items:
        return list(open_ones.values())
    found = items.find(open_ones.keys())
    return [entry for entry in open_ones.values() if query.admits(found.get(entry.item_id))]


def _explain(
    chosen: Sequence[Recommendation],
    *,
    history: Sequence[HistoryItem],
    neighbours: Mapping[str, Sequence[Neighbour]],
) -> list[Recommendation]:
    """Add to each product with a score of its own the history items that carried the score."""
    wanted = {row.item_id for row in chosen}
    others = {row.item_id for rows in neighbours.values() for row in rows} - wanted
    scored = rank(
        history=history, neighbours=neighbours, exclude=others, limit=len(wanted), causes=_CAUSES
    )
    because = {row.item_id: row.causes for row in scored}
    return [
        row if row.source in profiles.FALLBACK_LISTS else replace(row, because=because[row.item_id])
        for row in chosen
    ]


def _answer(state: ServingState, results: Sequence[Recommendation]) -> Answer:
    return Answer(
        recommendation_id=f"r_{secrets.token_hex(12)}",
        model_version=state.live_version,
        source=results[0].source if results else "popular",
        results=tuple(results),
    )
