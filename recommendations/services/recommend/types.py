"""What goes into a recommender and what comes out, whichever it is.

What is made for each request is a struct: that takes a fifth of the time of a frozen dataclass.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from recommendations.engine.associations import Association
from recommendations.engine.packing import Neighbour
from recommendations.engine.rank import Cause
from recommendations.entities import Item
from recommendations.profiles import FALLBACKS, Entry, Profile
from recommendations.rules import Filters, Rules
from recommendations.storage.reads import Reads, Wanted

Because = Mapping[str, tuple[Cause, ...]]
NO_RULES = Rules()


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to recommend, for whom, and which products may be shown.

    Attributes
    ----------
    filters
        Each product passes all of them.
    user_id
        Whose list; for the recommenders that are not personal, whose dislikes and, unless told
        otherwise, purchases are left out.
    item_ids
        What the list is about: the product that is looked at, or a basket, oldest first.
    fallbacks
        The recommenders that fill up the list, in this order.
    explain
        Also say which of the user's own events carried each product.
    exclude_purchased
        Leave out what the user bought before.
    expand
        Also return the products of the catalogue.
    """

    recommender: str
    user_id: str | None = None
    item_ids: tuple[str, ...] = ()
    filters: tuple[Filters, ...] = ()
    rules: Rules = NO_RULES
    fallbacks: tuple[str, ...] = FALLBACKS
    limit: int = 10
    explain: bool = False
    exclude_purchased: bool = True
    expand: bool = False

    @property
    def reads_catalogue(self) -> bool:
        """Tell whether products must be looked up, whatever is known of them without."""
        return self.expand or self.is_ruled

    @property
    def is_ruled(self) -> bool:
        """Tell whether rules, or what the catalogue says of products, decide what is shown."""
        return self.rules != NO_RULES or any(each.reads_items for each in self.filters)

    @property
    def users(self) -> tuple[str, ...]:
        """Return the user, if there is one, as keys to be read."""
        return () if self.user_id is None else (self.user_id,)

    @property
    def barred(self) -> set[str]:
        """Return the products that the request itself leaves out."""
        return {*self.item_ids, *(item_id for each in self.filters for item_id in each.exclude)}


def _no_causes(item_ids: Collection[str]) -> Because:  # noqa: ARG001
    return {}


class Candidates(msgspec.Struct, frozen=True, kw_only=True):
    """What a recommender proposes.

    Attributes
    ----------
    entries
        Best first.
    checked
        Whether all were found available under the present epoch when they were stored.
    keeps_bought
        Whether what the user bought is the very thing to show.
    because
        Names the causes of products among the entries.
    reasons_of
        Products whose neighbours `because` looks at, read with whatever is read next.
    partners
        Of similar and bought-together products: what is known of the pair, by product.
    renewed
        The user's profile, where it was computed in full: stored if a round trip is left.
    """

    entries: Sequence[Entry] = ()
    checked: bool = False
    keeps_bought: bool = False
    because: Callable[[Collection[str]], Because] = _no_causes
    reasons_of: tuple[str, ...] = ()
    partners: Mapping[str, Neighbour | Association] = {}
    renewed: Profile | None = None


@dataclass(frozen=True, slots=True)
class Recommender:
    """A recommender: what it reads in the first round trip, and what it makes of that."""

    wanted: Callable[[Request], Wanted]
    propose: Callable[[Request, Reads], Candidates]


class Recommendation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One product to show.

    Attributes
    ----------
    source
        The recommender that it came from.
    because
        The user's own events that carried the score, largest share first.
    support
        Of similar products how many users have both, of bought-together ones how many baskets.
    confidence, lift
        Of bought-together products only.
    rules
        The rules that had a part in its place, as `selection.Placed` names them.
    """

    item_id: str
    score: float
    source: str
    because: tuple[Cause, ...] = ()
    support: int = 0
    confidence: float = 0.0
    lift: float = 0.0
    rules: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A list of products to show, best first.

    Attributes
    ----------
    source
        That of the first product.
    items
        What the catalogue has of the products, where that was asked for.
    knows_subject
        Whether the catalogue has the product that the list is about, where the recommender looked.
    """

    recommendation_id: str
    model_version: str | None
    source: str
    results: tuple[Recommendation, ...]
    items: Mapping[str, Item] | None = None
    knows_subject: bool = False
