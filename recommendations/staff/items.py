"""Products of the catalogue: what they are, what goes with them, and whether they are shown."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from django.http import HttpRequest
from django.utils.html import format_html

from core.pages import Page
from core.staff.charts import chart
from core.staff.html import (
    badge,
    link,
    link_tags,
    moment,
    money,
    number,
    plain,
    row_link,
    text_or_nothing,
)
from core.staff.links import detail_url, list_url, part_url
from core.staff.resource import (
    Action,
    ActionError,
    Call,
    Column,
    Filter,
    Hint,
    Link,
    Outcome,
    Panel,
    Part,
    Query,
    Resource,
    Search,
)
from core.validation import InvalidInputError
from recommendations.entities import Item
from recommendations.services import catalogue, insights
from recommendations.staff import answers, cells, merchandising
from recommendations.staff.answers import Question
from recommendations.staff.forms import ItemForm, NewItemForm, changed, difference, initial

_PARTNERS = 15
_DAYS = 90


def _pairs(name: str) -> Callable[[HttpRequest, str], Mapping[str, Any]]:
    def load(request: HttpRequest, key: str) -> Mapping[str, Any]:  # noqa: ARG001  # a part's signature
        return answers.answered(Question(name=name, item_ids=(key,), limit=_PARTNERS))[1]

    return load


def _days(request: HttpRequest, key: str) -> Mapping[str, Any]:  # noqa: ARG001  # a part's signature
    until = datetime.now(UTC).date()
    days = insights.item_days(item_id=key, since=until - timedelta(days=_DAYS - 1), until=until)
    charts = [
        ("Pieces sold per day", [day.units for day in days]),
        ("Views per day", [day.views for day in days]),
    ]
    return {
        "charts": [
            {"title": title, "data": chart(title, values, since=days[0].day)}
            for title, values in charts
            if any(values)
        ],
        "facts": [
            ("Pieces sold", number(sum(day.units for day in days))),
            ("Revenue", money(sum((day.revenue for day in days), Decimal(0)))),
            ("Views", number(sum(day.views for day in days))),
            ("Put into carts", number(sum(day.carts for day in days))),
        ],
        "hint": Hint(f"It was neither sold nor looked at in the last {_DAYS} days."),
    }


def _change(call: Call, edit: Callable[[Item], Item]) -> Item:
    item = catalogue.change(item_id=call.row.item_id, edit=edit)
    if item is None:
        message = "This item has been deleted meanwhile."
        raise ActionError(message)
    return item


def _set_available(call: Call, *, available: bool) -> Outcome:
    item = _change(call, lambda row: msgspec.structs.replace(row, available=available))
    text = "is shown again" if available else "is hidden: no list shows it from now on"
    return Outcome(
        message=f"{item.name} {text}.",
        before={"available": call.row.available},
        after={"available": available},
    )


def _add(call: Call) -> Outcome:
    item = changed(Item(item_id=call.data["item_id"], name=call.data["name"]), call.data)
    if catalogue.find(item_id=item.item_id) is not None:
        raise InvalidInputError({"item_id": ["There is an item with this id; edit that one."]})
    catalogue.save(items=[item])
    return Outcome(
        message=f"{item.name} is in the catalogue.",
        url=detail_url("items", item.item_id),
        target=item.item_id,
        after=initial(item),
    )


def _edit(call: Call) -> Outcome:
    item = _change(call, lambda row: changed(row, call.data))
    before, after = difference(call.row, item)
    return Outcome(message=f"{item.name} is saved.", before=before, after=after)


class ItemResource(Resource):
    """The catalogue."""

    name = "items"
    singular = "Item"
    plural = "Items"
    permission = "catalog:read"
    columns = (
        Column("Item", lambda row: row.item_id, "nowrap"),
        Column("Name", lambda row: _name(row)),
        Column("Price", cells.price, "num nowrap"),
        Column("Categories", lambda row: _categories(row), "wide-only"),
        Column("Labels", lambda row: _labels(row), "wide-only"),
    )
    search = Search(
        help="The beginning of an id, or of words of the name, in any order.",
        placeholder="cake stand",
    )
    filters = (
        Filter(
            name="available",
            title="availability",
            choices=(("yes", "Shown"), ("no", "Hidden")),
        ),
        Filter(name="category", title="category", placeholder="exact name"),
        Filter(name="label", title="label", placeholder="exact label"),
    )
    links = (
        Link(
            label="Events",
            permission="events:read",
            url=lambda row: list_url("events", item=row.item_id),
        ),
    )
    actions = (
        Action(
            name="add",
            label="Add item",
            permission="catalog:write",
            question="What is the new product?",
            confirm_label="Add",
            run=_add,
            on_row=False,
            form=lambda _, data: NewItemForm(data),
        ),
        Action(
            name="edit",
            label="Edit",
            permission="catalog:write",
            question="What is “{title}”?",
            confirm_label="Save",
            run=_edit,
            form=lambda row, data: ItemForm(data, initial=initial(row)),
        ),
        *merchandising.ACTIONS,
        Action(
            name="hide",
            label="Hide everywhere",
            permission="catalog:write",
            question="Hide {title} from all recommendations, at once? It can be shown again.",
            confirm_label="Hide it",
            danger=True,
            bulk=True,
            run=lambda call: _set_available(call, available=False),
            offered=lambda row: row.available,
        ),
        Action(
            name="show",
            label="Show again",
            permission="catalog:write",
            question="Show {title} in recommendations again?",
            confirm_label="Show it",
            bulk=True,
            run=lambda call: _set_available(call, available=True),
            offered=lambda row: not row.available,
        ),
    )
    parts = (
        *(
            Part(name=name, template=answers.PAIRS_TEMPLATE, load=_pairs(name))
            for name in sorted(answers.PAIRS)
        ),
        Part(name="days", template="staff/recommendations/item_days.html", load=_days),
    )
    has_charts = True

    def page(self, query: Query) -> Page[Item]:
        narrowed: dict[str, Any] = {
            "category": query.filters.get("category"),
            "label": query.filters.get("label"),
            "available": {"yes": True, "no": False}.get(query.filters.get("available", "")),
        }
        page = {"limit": query.limit, "position": query.position, "reads": 1}
        if query.search:
            return catalogue.search(text=query.search, **narrowed, **page)
        return catalogue.listing(**narrowed, **page)

    def key(self, row: Item) -> str:
        return row.item_id

    def find(self, key: str) -> Item | None:
        return catalogue.find(item_id=key)

    def find_many(self, keys: Sequence[str]) -> Sequence[Item]:
        found = catalogue.find_many(item_ids=keys)
        return [found[key] for key in keys if key in found]

    def title(self, row: Item) -> str:
        return row.name

    def empty(self, query: Query) -> Hint:
        if query.is_narrowed:
            return Hint(
                "No item matches. Try fewer letters, or clear the filters: a category or label "
                "must be exact.",
                "All items",
                list_url("items"),
            )
        return Hint(
            "The catalogue is empty. Send items to the API, load them with “manage.py import”, or "
            "import events: the items that they name are created."
        )

    def panels(self, request: HttpRequest, row: Item) -> Sequence[Panel]:
        facts = [
            ("Id", row.item_id),
            ("Name", row.name),
            ("Shown", _shown(row)),
            ("Price", cells.price(row)),
            ("Categories", _categories(row)),
            ("Labels", _labels(row)),
            ("Published", moment(row.published_at)),
            ("Page in the shop", link(row.url, row.url) if row.url else text_or_nothing(None)),
            *((name, plain(value)) for name, value in row.attributes.items()),
        ]
        return [
            Panel(title="About", template="staff/panels/facts.html", context={"facts": facts}),
            Panel(
                title=f"The last {_DAYS} days",
                template="staff/panels/part.html",
                context={"url": part_url("items", row.item_id, "days"), "is_short": True},
            ),
            Panel(
                title="Goes with",
                description="Items that the same users took; support is how many of them.",
                template="staff/panels/part.html",
                context={"url": part_url("items", row.item_id, "similar")},
                width="half",
            ),
            Panel(
                title="Bought together",
                description=(
                    "Items in the same orders. Confidence is how many of the orders with this item "
                    "have the other one too; a lift of 2 is twice as many as by chance."
                ),
                template="staff/panels/part.html",
                context={"url": part_url("items", row.item_id, "bought_together")},
                width="half",
            ),
            *merchandising.panels(request, row),
        ]


def _categories(item: Item) -> Any:
    return link_tags((list_url("items", category=name), name) for name in item.categories)


def _labels(item: Item) -> Any:
    return link_tags((list_url("items", label=name), name) for name in item.labels)


def _name(item: Item) -> Any:
    name = row_link("items", item.item_id, item.name)
    return name if item.available else format_html("{} {}", name, _shown(item))


def _shown(item: Item) -> Any:
    return badge("Shown", "good") if item.available else badge("Hidden", "bad")
