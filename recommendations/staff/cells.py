"""What the pages say about products and events, in the same words everywhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core.staff.html import NOTHING, badge, day, percent, row_link
from core.staff.links import detail_url, list_url
from core.staff.resource import Filter, Hint, Query
from core.validation import check_moment, from_iso, to_key
from recommendations.engine.rank import Cause
from recommendations.entities import SESSION_PREFIX, Event, Item
from recommendations.services import catalogue
from recommendations.services.events import Period

EVENT_LABELS = {
    "purchase": "Purchase",
    "cart": "Put in cart",
    "view": "View",
    "like": "Like",
    "dislike": "Dislike",
    "impression": "Impression",
    "click": "Click",
}
_DID = {
    "purchase": "bought",
    "cart": "put in the cart",
    "view": "looked at",
    "like": "liked",
    "click": "clicked on",
    "session": "goes with",
}
_SOURCES = {
    "personal": "Personal",
    "similar": "Similar",
    "content": "Alike by name",
    "bought_together": "Bought together",
    "buy_again": "Bought before",
    "recently_viewed": "Looked at",
    "trending": "Trending",
    "popular": "Popular",
    "latest": "New",
    "pinned": "Pinned",
}
_FALLBACK_REASONS = {
    "trending": "Sells best lately; nothing personal is left to show.",
    "popular": "Sells best of all; nothing personal is left to show.",
    "latest": "New in the catalogue.",
    "pinned": "A rule of the placement puts it there.",
    "similar": "Goes with the item.",
    "content": "Its name and categories are alike.",
    "bought_together": "Is in the same orders as the item.",
    "recently_viewed": "Was looked at before.",
}
_SHOWN_LINES = 4
_SHOWN_CAUSES = 3


PERIOD_FILTERS = (
    Filter(name="since", title="first day (UTC)", is_day=True),
    Filter(name="until", title="last day (UTC)", is_day=True),
)


def period(query: Query) -> Period:
    """Return the period that the filters of a list ask for."""
    days = [query.filters.get(item.name) for item in PERIOD_FILTERS]
    since, until = (None if day is None else date.fromisoformat(day) for day in days)
    return Period(since, until)


@dataclass(frozen=True, slots=True)
class Product:
    """A product's id and, where the catalogue knows it, its name."""

    item_id: str
    name: str
    available: bool = True

    @property
    def url(self) -> str:
        return detail_url("items", self.item_id)


def products(item_ids: Iterable[str]) -> dict[str, Product]:
    """Return products by id, read in one batch; unknown ones go by their id."""
    wanted = list(dict.fromkeys(item_ids))
    found: Mapping[str, Item] = catalogue.find_many(item_ids=wanted) if wanted else {}
    return {
        item_id: Product(item_id, found[item_id].name, found[item_id].available)
        if item_id in found
        else Product(item_id, item_id)
        for item_id in wanted
    }


def event_key(event: Event) -> str:
    """Return what identifies an event; its parts hold no ``#``, but for a session's actor."""
    return f"{to_key(event.timestamp)}#{event.event_id}#{event.actor}"


def parse_event_key(key: str) -> tuple[datetime, str, str] | None:
    """Return the time, the id and the actor in what `event_key` wrote; None for anything else."""
    time, _, rest = key.partition("#")
    event_id, _, actor = rest.partition("#")
    try:
        timestamp = from_iso(time)
        check_moment("timestamp", timestamp)
    except ValueError:
        return None
    if timestamp.tzinfo is None or not actor:
        return None
    return timestamp, event_id, actor


@dataclass(frozen=True, slots=True)
class EventSummary:
    """An event with the names of its first products."""

    event: Event
    products: Sequence[Product]

    @property
    def key(self) -> str:
        return event_key(self.event)

    @property
    def url(self) -> str:
        return detail_url("events", self.key)

    @property
    def label(self) -> str:
        return EVENT_LABELS.get(self.event.type, self.event.type)

    @property
    def others(self) -> int:
        return len(self.event.items) - len(self.products)

    @property
    def when(self) -> datetime:
        return self.event.timestamp


def summaries(events: Sequence[Event]) -> list[EventSummary]:
    """Return events with product names, read in one batch for all."""
    shown = [[line.item_id for line in event.items[:_SHOWN_LINES]] for event in events]
    known = products(item_id for ids in shown for item_id in ids)
    return [
        EventSummary(event, [known[item_id] for item_id in ids])
        for event, ids in zip(events, shown, strict=True)
    ]


def actor_link(actor: str) -> Any:
    """Return a link to the user; a session has no page of its own."""
    if actor.startswith(SESSION_PREFIX):
        return f"session {actor.removeprefix(SESSION_PREFIX)}"
    return row_link("users", actor)


def event_badge(kind: str) -> Any:
    tone = {"purchase": "good", "like": "good", "dislike": "bad"}.get(kind, "")
    return badge(EVENT_LABELS.get(kind, kind), tone)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a product is recommended: what the user did, with which product, when."""

    did: str
    product: Product
    on: str
    share: str


def reasons(causes: Sequence[Cause], known: Mapping[str, Product]) -> list[Reason]:
    """Return the largest causes in the words of a reader."""
    return [
        Reason(
            did=_DID.get(cause.event, cause.event),
            product=known[cause.item_id],
            on="" if cause.event == "session" else day(from_iso(cause.at)),
            share=str(percent(cause.share)),
        )
        for cause in causes[:_SHOWN_CAUSES]
    ]


def source_label(source: str) -> str:
    return _SOURCES.get(source, source)


def fallback_reason(source: str) -> str:
    """Return why a product without a personal reason is there."""
    return _FALLBACK_REASONS.get(source, "Close to several things done before.")


NO_MODEL = "No model is published yet, so nothing can be recommended."


def no_model_hint() -> Hint:
    return Hint(NO_MODEL, "To the models", list_url("models"))


def price(item: Item) -> Any:
    if item.price is None:
        return NOTHING
    return f"{item.price:,.2f} {item.currency or ''}".strip()


def score(value: float) -> str:
    """Return a score as a reader writes it: three digits, or a whole number."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def move(before: int | None, now: int) -> str:
    """Return how far a product has moved in a list, from one place to another."""
    if before is None:
        return "new"
    if before == now:
        return "·"
    return f"▲ {before - now}" if before > now else f"▼ {now - before}"
