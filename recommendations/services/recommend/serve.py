"""The one way from a recommender to an answer: candidates, filters and rules, fallbacks."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from recommendations.engine.associations import Association
from recommendations.profiles import FALLBACKS, Entry, Profile
from recommendations.rules import Filters, Rules
from recommendations.selection import Placed, arrange, items_needed, unruled
from recommendations.services import attribution, profiles
from recommendations.services.recommend.about_items import BOUGHT_TOGETHER, SESSION, SIMILAR
from recommendations.services.recommend.own_items import BUY_AGAIN, RECENTLY_VIEWED
from recommendations.services.recommend.personal import PERSONAL, at_hand
from recommendations.services.recommend.ready import LATEST, POPULAR, TRENDING, category_lists
from recommendations.services.recommend.types import (
    NO_RULES,
    Answer,
    Because,
    Candidates,
    Recommendation,
    Recommender,
    Request,
)
from recommendations.storage.reads import Reads, Wanted

RECOMMENDERS: Mapping[str, Recommender] = {
    "personal": PERSONAL,
    "similar": SIMILAR,
    "bought_together": BOUGHT_TOGETHER,
    "session": SESSION,
    "buy_again": BUY_AGAIN,
    "popular": POPULAR,
    "trending": TRENDING,
    "latest": LATEST,
    "recently_viewed": RECENTLY_VIEWED,
}
# So many more products than asked for are looked up, since some may be gone.
_SPARE = 5
# Where a pinned product comes from.
_NOWHERE = Candidates()


def serve(
    *,
    recommender: str,
    user_id: str | None = None,
    item_ids: Sequence[str] = (),
    filters: Sequence[Filters] = (),
    rules: Rules | None = None,
    fallbacks: Sequence[str] = FALLBACKS,
    limit: int = 10,
    explain: bool = False,
    exclude_purchased: bool = True,
    expand: bool = False,
    placement: str = "",
    variant: str = "",
    reads: Reads | None = None,
) -> Answer:
    """Recommend products, in at most three round trips.

    Parameters
    ----------
    recommender, fallbacks
        Names of `RECOMMENDERS`; the fallbacks fill up the list in their order.
    item_ids
        The product that is looked at, or a basket, oldest first.
    expand
        Also return the products of the catalogue.
    placement, variant
        What the answer is for, for its id.
    reads
        What the request has read already.
    """
    request = Request(
        recommender=recommender,
        user_id=user_id,
        item_ids=tuple(item_ids),
        filters=tuple(filters),
        rules=rules or NO_RULES,
        fallbacks=tuple(fallbacks),
        limit=limit,
        explain=explain,
        exclude_purchased=exclude_purchased,
        expand=expand,
    )
    reads = reads or Reads()
    results, renewed = _results(request, reads)
    shown = [row.item_id for row in results]
    if expand:
        reads.fetch(Wanted(items=shown))
    if renewed is not None and reads.left:
        profiles.keep(renewed, over=reads.profile(renewed.user_id))
    return Answer(
        recommendation_id=attribution.new_id(
            recommender=recommender, placement=placement, variant=variant
        ),
        model_version=reads.state.live_version,
        source=results[0].source if results else recommender,
        results=results,
        items=reads.items(shown) if expand else None,
        knows_subject=bool(reads.items(request.item_ids[:1])),
    )


def _results(request: Request, reads: Reads) -> tuple[tuple[Recommendation, ...], Profile | None]:
    """Return the products to show, best first, and the user's profile where it was renewed."""
    main = RECOMMENDERS[request.recommender]
    wanted = main.wanted(request)
    reads.fetch(wanted)
    if wanted.lists and not any(map(reads.ready_list, wanted.lists)):
        # Without a live list that of the model, whose name the first round trip told.
        for name in request.fallbacks:
            wanted |= RECOMMENDERS[name].wanted(request)
        reads.fetch(wanted)
    if main is PERSONAL and (ready := at_hand(request, reads)):
        at_once = tuple(
            Recommendation(item_id=entry.item_id, score=entry.score, source=entry.source)
            for entry in ready
        )
        return at_once, None
    pool = _Pool(request, reads)
    proposed = main.propose(request, reads)
    pool.add(proposed)
    chosen = pool.choose()
    while (len(chosen) < request.limit or pool.awaited()) and pool.go_on(len(chosen)):
        chosen = pool.choose()
    because = pool.because([each.entry for each in chosen]) if request.explain else {}
    return tuple(pool.recommendation(each, because) for each in chosen), proposed.renewed


class _Pool:
    """The candidates of a request, those of fallbacks last, and which of them may be shown."""

    def __init__(self, request: Request, reads: Reads) -> None:
        self._request = request
        self._reads = reads
        self._entries: dict[str, Entry] = {}
        self._origins: dict[str, Candidates] = {}
        self._proposals: list[Candidates] = []
        self._filters = request.filters
        self._fallbacks = [RECOMMENDERS[name] for name in request.fallbacks]
        self._categories = category_lists(request)
        self._reads_items = request.rules.reads_items or any(
            each.reads_items for each in request.filters
        )

    def add(self, found: Candidates) -> None:
        self._proposals.append(found)
        barred = self._barred(keeps_bought=found.keeps_bought)
        if len(self._proposals) == 1:
            pinned = barred.intersection(pin.item_id for pin in self._request.rules.pin)
            if pinned:
                self._filters = (*self._filters, Filters(exclude=frozenset(pinned)))
        entries, origins = self._entries, self._origins
        for entry in found.entries:
            item_id = entry.item_id
            if item_id not in barred and item_id not in entries:
                entries[item_id] = entry
                origins[item_id] = found

    def _barred(self, *, keeps_bought: bool) -> set[str]:
        request = self._request
        barred = request.barred | self._reads.state.hidden
        profile = None if request.user_id is None else self._reads.profile(request.user_id)
        if profile is not None:
            barred.update(profile.past.disliked)
            if request.exclude_purchased and not keeps_bought:
                barred.update(profile.past.bought)
        return barred

    def choose(self) -> list[Placed]:
        """Return the best of the candidates that are known to be there, in order."""
        request, reads = self._request, self._reads
        found = (
            entry
            for item_id, entry in self._entries.items()
            if (reads.knows_item(item_id) or self._is_trusted(item_id))
            and not reads.is_gone(item_id)
        )
        if request.rules == NO_RULES and not self._reads_items:
            # Without rules or filters the first ones are the best ones.
            return unruled(islice(found, request.limit))
        usable = list(found)
        needed = items_needed(usable, filters=self._filters, rules=request.rules)
        return arrange(
            usable,
            limit=request.limit,
            items=reads.items(needed),
            filters=self._filters,
            rules=request.rules,
        ).shown

    def _is_trusted(self, item_id: str) -> bool:
        if self._reads_items:
            return False
        return self._origins[item_id].checked or self._reads.state.names_all_hidden

    def awaited(self) -> list[str]:
        """Return the products that rules would move up, if they were known to be there."""
        rules = self._request.rules
        pins = items_needed((), filters=self._filters, rules=rules)
        boosted = [
            item_id
            for rule in rules.boost
            if rule.by == "item"
            for item_id in rule.values
            if item_id in self._entries and not self._is_trusted(item_id)
        ]
        named = dict.fromkeys((*pins, *boosted))
        return [item_id for item_id in named if not self._reads.knows_item(item_id)]

    def go_on(self, found: int) -> bool:
        """Read what may fill the list up; tell whether there is anything more now."""
        request, reads = self._request, self._reads
        short = self._reads_items or len(self._entries) < request.limit
        if short and self._add_what_is_here():
            return True
        if reads.left <= bool(reads.missing(self._reasons())):
            return False  # What is left is for the reasons.
        wanted = Wanted()
        fallbacks = self._fallbacks if short else []
        for each in fallbacks:
            wanted |= each.wanted(request)
        if short:
            wanted |= self._categories
        awaited = self.awaited()
        others = (
            item_id
            for item_id in self._entries
            if not self._is_trusted(item_id) and not reads.knows_item(item_id)
        )
        unknown = list(dict.fromkeys((*awaited, *others)))
        most = reads.room(wanted)
        if not self._reads_items:
            most = min(most, request.limit - found + _SPARE + len(awaited))
        if not unknown and not fallbacks and not (short and self._categories.trained_lists):
            return False
        reads.fetch(wanted | Wanted(items=unknown[:most]))
        if short:
            self._add_what_is_here()
        return True

    def _add_what_is_here(self) -> bool:
        """Add what sells in the categories, and fallbacks, if their rows are here; tell if any."""
        request, reads = self._request, self._reads
        before = len(self._proposals)
        if self._categories.trained_lists and not reads.missing(self._categories):
            self._add_categories()
        while self._fallbacks and not reads.missing(self._fallbacks[0].wanted(request)):
            self.add(self._fallbacks.pop(0).propose(request, reads))
        return len(self._proposals) > before

    def _add_categories(self) -> None:
        found = [
            Entry(item_id, score, "popular")
            for name in self._categories.trained_lists
            for item_id, score in self._reads.trained_list(name)
        ]
        found.sort(key=lambda entry: (-entry.score, entry.item_id))
        self.add(Candidates(entries=found))
        self._categories = Wanted()

    def _reasons(self) -> Wanted:
        if not self._request.explain:
            return Wanted()
        ids = [item_id for found in self._proposals for item_id in found.reasons_of]
        return Wanted(neighbours={"similar": ids})

    def because(self, chosen: Iterable[Entry]) -> Because:
        """Return the causes of the products that have any."""
        self._reads.fetch(self._reasons())
        return {
            item_id: causes
            for found in self._proposals
            for item_id, causes in found.because(self._from(found, chosen)).items()
        }

    def _from(self, found: Candidates, chosen: Iterable[Entry]) -> list[str]:
        ids = (entry.item_id for entry in chosen)
        return [item_id for item_id in ids if self._origins.get(item_id) is found]

    def recommendation(self, placed: Placed, because: Because) -> Recommendation:
        entry = placed.entry
        origin = self._origins.get(entry.item_id, _NOWHERE)
        partner = origin.partners.get(entry.item_id)
        pair = partner if isinstance(partner, Association) else None
        return Recommendation(
            item_id=entry.item_id,
            score=entry.score,
            source=entry.source,
            because=because.get(entry.item_id, ()),
            support=0 if partner is None else partner.support,
            confidence=0.0 if pair is None else pair.confidence,
            lift=0.0 if pair is None else pair.lift,
            rules=placed.rules,
        )
