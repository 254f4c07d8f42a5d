"""What a shop may set about its recommendations, with the defaults for a shop that sets nothing."""

from typing import Annotated

import msgspec

from recommendations.engine.weights import DEFAULT_EVENT_WEIGHTS

Weight = Annotated[float, msgspec.Meta(ge=0, le=10, description="0 to 10; 0 does not count.")]


class EventWeights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one event of each type is worth, beside a purchase of usually 1."""

    purchase: Weight = DEFAULT_EVENT_WEIGHTS["purchase"]
    like: Weight = DEFAULT_EVENT_WEIGHTS["like"]
    cart: Weight = DEFAULT_EVENT_WEIGHTS["cart"]
    click: Weight = DEFAULT_EVENT_WEIGHTS["click"]
    view: Weight = DEFAULT_EVENT_WEIGHTS["view"]
    impression: Weight = DEFAULT_EVENT_WEIGHTS["impression"]
    dislike: Weight = DEFAULT_EVENT_WEIGHTS["dislike"]

    def __post_init__(self) -> None:
        if self.dislike > 0:
            message = "`dislike` must be 0: a dislike speaks against a product, not for it"
            raise ValueError(message)
        if not any(msgspec.structs.astuple(self)):
            message = "at least one type of event must weigh more than 0"
            raise ValueError(message)


class Preferences(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a shop. They hold without a deployment, from the next request on.

    For a list that takes too many reads with them, from the user's next event on.

    Attributes
    ----------
    weights
        What an event of each type is worth.
    half_life_days
        The age at which an event of a history weighs half; None lets none fade.
    trending_days
        How many days count for the trending list, today included.
    attribution_days
        How long after a click a cart or a purchase of the same product is owed to it.
    """

    weights: EventWeights = EventWeights()
    half_life_days: Annotated[float, msgspec.Meta(ge=1, le=3650)] | None = None
    trending_days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 14
    attribution_days: Annotated[int, msgspec.Meta(ge=0, le=30)] = 7

    @property
    def event_weights(self) -> dict[str, float]:
        """Return the weights by type of event, as the engine takes them."""
        return msgspec.structs.asdict(self.weights)
