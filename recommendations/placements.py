"""Placements: what the staff configured under a name, such as the front page or the basket."""

from typing import Annotated, Literal

import msgspec

from core.validation import Text
from recommendations.attribution import PlacementName, VariantName
from recommendations.experiments import assign
from recommendations.rules import Filters, Rules

RecommenderName = Literal[
    "personal",
    "similar",
    "bought_together",
    "session",
    "buy_again",
    "popular",
    "trending",
    "latest",
    "recently_viewed",
]
Fallbacks = Annotated[tuple[RecommenderName, ...], msgspec.Meta(max_length=3)]
DEFAULT_FALLBACKS: tuple[RecommenderName, ...] = ("trending", "popular")


class PlacementFilters(Filters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters that somebody wrote down on purpose, so that some product can pass them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        # A list from JSON, a tuple by default: the same placement must be equal to itself.
        msgspec.structs.force_setattr(self, "exclude", tuple(self.exclude))
        if (
            self.price_min is not None
            and self.price_max is not None
            and self.price_min > self.price_max
        ):
            message = "`price_min` is above `price_max`, so nothing would be shown"
            raise ValueError(message)


class Variant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One side of an experiment: what it does not set is as in the placement.

    Attributes
    ----------
    weight
        Its share of the users, beside the weights of the others.
    """

    name: VariantName
    weight: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 1.0
    recommender: RecommenderName | None = None
    fallbacks: Fallbacks | None = None
    filters: PlacementFilters | None = None
    rules: Rules | None = None


class Experiment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Variants of a placement, each shown to its share of the users.

    ``name`` deals the users: under another name they are dealt anew, independently.
    """

    name: VariantName
    variants: Annotated[tuple[Variant, ...], msgspec.Meta(min_length=2, max_length=5)]

    def __post_init__(self) -> None:
        if len({variant.name for variant in self.variants}) < len(self.variants):
            message = "give each of the `variants` a name of its own"
            raise ValueError(message)
        if not any(variant.weight for variant in self.variants):
            message = "at least one of the `variants` needs a weight above 0"
            raise ValueError(message)


class PlacementFields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A placement, but for its name.

    Attributes
    ----------
    recommender
        What to show. Where it has too little, the ``fallbacks`` fill up in their order.
    limit
        How many products, where a request does not say.
    exclude_purchased
        Leave out what the user bought, where a request does not say.
    """

    recommender: RecommenderName
    description: Text = ""
    fallbacks: Fallbacks = DEFAULT_FALLBACKS
    filters: PlacementFilters = PlacementFilters()
    rules: Rules = Rules()
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    exclude_purchased: bool = True
    experiment: Experiment | None = None


class Placement(PlacementFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the staff configured under a name."""

    name: PlacementName

    def variant_for(self, actor: str | None) -> Variant | None:
        """Return the variant that a user or session sees; None without an experiment or actor."""
        if self.experiment is None or actor is None:
            return None
        weights = {variant.name: variant.weight for variant in self.experiment.variants}
        name = assign(salt=f"{self.name}\0{self.experiment.name}", weights=weights, actor=actor)
        return self.variant(name)

    def variant(self, name: str) -> Variant | None:
        """Return a variant by its name."""
        variants = self.experiment.variants if self.experiment is not None else ()
        return next((variant for variant in variants if variant.name == name), None)

    def as_seen_in(self, variant: Variant | None) -> "Placement":
        """Return the placement with what a variant sets in place of its own."""
        if variant is None:
            return self
        names = ("recommender", "fallbacks", "filters", "rules")
        own = {name: getattr(variant, name) for name in names}
        return msgspec.structs.replace(
            self, **{name: value for name, value in own.items() if value is not None}
        )
