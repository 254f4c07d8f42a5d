"""What may be shown and in which order, as a shop says it: filters and merchandising rules."""

from collections.abc import Collection
from typing import Annotated, Literal

import msgspec

from core.validation import AttributeName, Id, Labels, Price, checked_price
from recommendations.entities import Item

MAX_RULES = 50
MAX_POSITION = 100

MatchValue = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Terms(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"any_of": "any", "all_of": "all", "none_of": "none"},
):
    """Which categories or labels a product needs: one of any, each of all, none of none.

    An empty list asks for nothing.
    """

    any_of: Labels = ()
    all_of: Labels = ()
    none_of: Labels = ()

    @property
    def is_empty(self) -> bool:
        return not (self.any_of or self.all_of or self.none_of)

    def admit(self, own: tuple[str, ...]) -> bool:
        """Tell whether a product with these terms of its own passes."""
        if self.is_empty:
            return True
        return (
            (not self.any_of or not set(self.any_of).isdisjoint(own))
            and set(self.all_of).issubset(own)
            and set(self.none_of).isdisjoint(own)
        )


class Filters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which products may be shown at all.

    Attributes
    ----------
    price_min, price_max
        Bounds, both included; a product without a price passes neither.
    exclude
        Products to leave out.
    """

    categories: Terms = Terms()
    labels: Terms = Terms()
    price_min: Price | None = None
    price_max: Price | None = None
    exclude: Annotated[Collection[Id], msgspec.Meta(max_length=500)] = ()

    def __post_init__(self) -> None:
        for price in (self.price_min, self.price_max):
            if price is not None:
                checked_price(price)

    @property
    def reads_items(self) -> bool:
        """Tell whether the catalogue must be read to decide."""
        return (
            self.price_min is not None
            or self.price_max is not None
            or not self.categories.is_empty
            or not self.labels.is_empty
        )

    def admit(self, item: Item) -> bool:
        """Tell whether a product's catalogue fields pass; ``exclude`` is not looked at."""
        if self.price_min is not None and (item.price is None or item.price < self.price_min):
            return False
        if self.price_max is not None and (item.price is None or item.price > self.price_max):
            return False
        return self.categories.admit(item.categories) and self.labels.admit(item.labels)


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Products that a rule is about: those with one of the ``values``.

    ``by`` says what the values are: categories, labels, ids, or values of the attribute named in
    ``attribute``, compared as text (`true` and `false` for yes and no).
    """

    by: Literal["category", "label", "item", "attribute"]
    values: Annotated[tuple[MatchValue, ...], msgspec.Meta(min_length=1, max_length=100)]
    attribute: AttributeName | None = None

    def __post_init__(self) -> None:
        _check_attribute(self.by, self.attribute)


class Boost(Match, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Multiply the score: above 1 lifts, below 1 lowers. Factors of several rules multiply."""

    factor: Annotated[float, msgspec.Meta(ge=0.01, le=100)]


class Bury(Match, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Show below all others, so only where there is not enough else."""


class Pin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Show a product at a position, the first being 1, if it may be shown at all."""

    item_id: Id
    position: Annotated[int, msgspec.Meta(ge=1, le=MAX_POSITION)]


class Cap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Show at most so many of each category, or of each value of an attribute such as the brand."""

    by: Literal["category", "attribute"]
    most: Annotated[int, msgspec.Meta(ge=1, le=MAX_POSITION)]
    attribute: AttributeName | None = None

    def __post_init__(self) -> None:
        _check_attribute(self.by, self.attribute)


# What `_check_attribute` checks across fields, for those who read the schema.
_BY = msgspec.Meta(
    extra_json_schema={
        "anyOf": [
            {
                "properties": {
                    "by": {"const": "attribute"},
                    "attribute": {"type": "string"},
                },
                "required": ["attribute"],
            },
            {
                "properties": {
                    "by": {"enum": ["category", "label", "item"]},
                    "attribute": {"type": "null"},
                }
            },
        ]
    }
)


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the order of the recommender is changed. Without rules it stays as it is."""

    boost: Annotated[tuple[Annotated[Boost, _BY], ...], msgspec.Meta(max_length=MAX_RULES)] = ()
    bury: Annotated[tuple[Annotated[Bury, _BY], ...], msgspec.Meta(max_length=MAX_RULES)] = ()
    pin: Annotated[tuple[Pin, ...], msgspec.Meta(max_length=MAX_RULES)] = ()
    cap: Annotated[tuple[Annotated[Cap, _BY], ...], msgspec.Meta(max_length=10)] = ()

    def __post_init__(self) -> None:
        if len({pin.position for pin in self.pin}) < len(self.pin):
            message = "pin only one product to each position"
            raise ValueError(message)
        if len({pin.item_id for pin in self.pin}) < len(self.pin):
            message = "pin each product only once"
            raise ValueError(message)

    @property
    def reads_items(self) -> bool:
        """Tell whether the catalogue must be read to apply them to the candidates."""
        return bool(self.cap) or any(rule.by != "item" for rule in (*self.boost, *self.bury))


def _check_attribute(by: str, attribute: str | None) -> None:
    if by == "attribute" and attribute is None:
        message = "`by: attribute` needs the name of the `attribute`, such as brand"
        raise ValueError(message)
    if by != "attribute" and attribute is not None:
        message = f"leave out `attribute`, or write `by: attribute` in place of `by: {by}`"
        raise ValueError(message)
