"""What customers did, newest first."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from core.dynamodb.sharded import LAST
from core.pages import Page
from core.staff.html import NOTHING, moment, money, number, row_link, text_or_nothing
from core.staff.links import list_url
from core.staff.resource import Column, Filter, Hint, Panel, Query, Resource
from recommendations.entities import EVENT_TYPES, Event
from recommendations.services import events
from recommendations.staff import cells
from recommendations.staff.cells import EventSummary

_LISTED = 2


def _products_cell(row: EventSummary) -> Any:
    first = row.products[:_LISTED]
    names = format_html_join(
        ", ", '<a href="{}">{}</a>', ((product.url, product.name) for product in first)
    )
    others = len(row.event.items) - len(first)
    more = f" and {others} more" if others else ""
    return format_html("{}{}", names, more)


def _total(event: Event) -> Any:
    priced = [line.price * line.quantity for line in event.items if line.price is not None]
    return money(sum(priced[1:], priced[0])) if priced else NOTHING


class EventResource(Resource):
    """Everyone's events, or those of one user."""

    name = "events"
    singular = "Event"
    plural = "Events"
    permission = "events:read"
    columns = (
        Column("Time (UTC)", lambda row: moment(row.when)),
        Column("Type", lambda row: cells.event_badge(row.event.type), "wide-only"),
        Column("User", lambda row: cells.actor_link(row.event.actor)),
        Column("Items", _products_cell, "long"),
        Column("Total", lambda row: _total(row.event), "num nowrap wide-only"),
    )
    filters = (
        Filter(
            name="type",
            title="type",
            choices=tuple((kind, cells.EVENT_LABELS[kind]) for kind in EVENT_TYPES),
        ),
        Filter(name="user", title="user", placeholder="exact id"),
        Filter(name="item", title="item", placeholder="exact id"),
        *cells.PERIOD_FILTERS,
    )

    is_deferred = True

    def prepare(self, query: Query) -> list[str]:
        """Return the month that the page begins in, and the one that the next may begin in."""
        if "user" in query.filters:
            return []
        until = query.position[0] if query.position else LAST
        return events.months(until=until, period=cells.period(query), limit=2)

    def page(self, query: Query) -> Page[EventSummary]:
        narrowed: dict[str, Any] = {
            "kind": query.filters.get("type"),
            "item_id": query.filters.get("item"),
            "period": cells.period(query),
            "limit": query.limit,
            "position": query.position,
        }
        if "user" in query.filters:
            found = events.history(actor=query.filters["user"], reads=1, **narrowed)
        else:
            found = events.recent(among=query.prepared, **narrowed)
        return Page(tuple(cells.summaries(found.rows)), found.next)

    def key(self, row: EventSummary) -> str:
        return row.key

    def find(self, key: str) -> EventSummary | None:
        parts = cells.parse_event_key(key)
        if parts is None:
            return None
        timestamp, event_id, actor = parts
        event = events.find(actor=actor, timestamp=timestamp, event_id=event_id)
        return None if event is None else EventSummary(event, ())

    def title(self, row: EventSummary) -> str:
        return f"{row.label} {row.event.order_id or row.event.event_id}"

    def empty(self, query: Query) -> Hint:
        if query.is_narrowed:
            return Hint(
                "No events match these filters. Ids of users and items must be exact, and the "
                "first day not after the last.",
                "All events",
                list_url("events"),
            )
        return Hint(
            "No events yet. Send them to the API (POST /api/v1/events/) or load a file with "
            "“manage.py import”."
        )

    def panels(self, request: HttpRequest, row: EventSummary) -> Sequence[Panel]:  # noqa: ARG002  # for others
        event = row.event
        known = cells.products(line.item_id for line in event.items)
        columns = (
            Column("Item", lambda line: row_link("items", line.item_id)),
            Column("Name", lambda line: known[line.item_id].name),
            Column("Quantity", lambda line: number(line.quantity), "num"),
            Column("Price", lambda line: money(line.price), "num"),
        )
        facts = [
            ("Time (UTC)", moment(event.timestamp)),
            ("Type", cells.event_badge(event.type)),
            ("User", cells.actor_link(event.actor)),
            ("Event id", event.event_id),
            ("Order", text_or_nothing(event.order_id)),
            ("Session", text_or_nothing(event.session_id)),
            ("After recommendation", text_or_nothing(event.recommendation_id)),
            ("Total", _total(event)),
        ]
        lines = [[(column, column.value(line)) for column in columns] for line in event.items]
        return [
            Panel(title="About", template="staff/panels/facts.html", context={"facts": facts}),
            Panel(
                title=f"Items ({len(event.items)})",
                template="staff/panels/table.html",
                context={"label": "Items", "columns": columns, "rows": lines},
            ),
        ]
