"""What the shop sends us: products and events, as frozen structs without storage or transport."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, get_args

import msgspec

from core.validation import (
    Attributes,
    Id,
    InvalidInputError,
    Labels,
    Price,
    Timestamp,
    WebAddress,
    check_moment,
    checked_price,
)

EventType = Literal["purchase", "cart", "view", "like", "dislike", "impression", "click"]
EVENT_TYPES: tuple[str, ...] = get_args(EventType)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(minutes=5)
MAX_LINES = 500
SESSION_PREFIX = "session#"


def _check_price(struct: "Line | ItemFields") -> None:
    price = struct.price
    if price is not None:
        msgspec.structs.force_setattr(struct, "price", checked_price(price))


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One product of an event; ``price`` is per piece, in the shop's currency."""

    item_id: Id
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    price: Price | None = None

    def __post_init__(self) -> None:
        _check_price(self)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something a customer or an anonymous session did with products; an order is one event."""

    event_id: str
    timestamp: datetime
    type: EventType
    items: tuple[Line, ...]
    user_id: str | None = None
    session_id: str | None = None
    order_id: str | None = None
    recommendation_id: str | None = None

    @property
    def actor(self) -> str:
        """Return whose history this belongs to: a user's id, or ``session#`` and a session's."""
        return self.user_id if self.user_id is not None else f"{SESSION_PREFIX}{self.session_id}"


class EventInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event as a client sends it; the server fills in what identifies it if both are absent."""

    type: EventType
    items: Annotated[tuple[Line, ...], msgspec.Meta(min_length=1, max_length=MAX_LINES)]
    user_id: Id | None = None
    session_id: Id | None = None
    event_id: Id | None = None
    timestamp: Timestamp | None = None
    order_id: Id | None = None
    recommendation_id: Id | None = None

    def __post_init__(self) -> None:
        if self.user_id is None and self.session_id is None:
            message = "give `user_id` or `session_id`, so that we know whose event it is"
            raise ValueError(message)
        if self.event_id is not None and self.timestamp is None:
            message = "an `event_id` needs a `timestamp`, so that a retry is the same event"
            raise ValueError(message)

    def resolve(self, *, now: datetime) -> Event:
        """Return the event with its identity.

        Raises
        ------
        InvalidInputError
            When the timestamp is before 2000 or more than five minutes ahead.
        """
        timestamp = self.timestamp or now
        if not EARLIEST <= timestamp <= now + CLOCK_SKEW:
            raise InvalidInputError(
                {"timestamp": ["Give a time between 2000-01-01 and five minutes from now."]}
            )
        return Event(
            event_id=self.event_id or f"e-{secrets.token_hex(12)}",
            timestamp=timestamp.astimezone(UTC),
            type=self.type,
            items=self.items,
            user_id=self.user_id,
            session_id=self.session_id,
            order_id=self.order_id,
            recommendation_id=self.recommendation_id,
        )


class ItemFields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product, but for its id."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    categories: Labels = ()
    price: Price | None = None
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$(?!\n)")] | None = None
    available: bool = True
    image_url: WebAddress | None = None
    url: WebAddress | None = None
    labels: Labels = ()
    attributes: Attributes = {}
    published_at: Timestamp | None = None

    def __post_init__(self) -> None:
        _check_price(self)
        check_moment("published_at", self.published_at)


class Item(ItemFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product of the catalogue."""

    item_id: Id
