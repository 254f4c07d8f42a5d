"""Users of the shop: who they are, what they did, what they are recommended, and why."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest

from core.pages import Page
from core.staff.html import number, plain, tags, text_or_nothing
from core.staff.links import list_url, part_url
from core.staff.resource import (
    Action,
    ActionError,
    Attachment,
    Call,
    Column,
    Hint,
    Outcome,
    Panel,
    Part,
    Query,
    Resource,
    Search,
)
from recommendations.services import events, recommend
from recommendations.staff import cells
from recommendations.staff.answers import LIST_TEMPLATE, recommendation_list
from recommendations.staff.forms import CustomerForm, TypedForm, changed, difference, initial
from users.entities import Customer
from users.services import customers

_EVENTS = 12
_RECOMMENDATIONS = 12


def _recommendations(request: HttpRequest, key: str) -> Mapping[str, Any]:  # noqa: ARG001  # a part's signature
    answer = recommend.serve(
        recommender="personal", user_id=key, limit=_RECOMMENDATIONS, explain=True
    )
    return recommendation_list(answer)


def _edit(call: Call) -> Outcome:
    user_id: str = call.row.user_id
    customer = customers.change(user_id=user_id, edit=lambda row: changed(row, call.data))
    if customer is None:
        message = "This user has been erased meanwhile."
        raise ActionError(message)
    _, after = difference(call.row, customer)
    # Only which fields, not from what into what: the log outlives a user who is erased.
    return Outcome(message=f"User {customer.user_id} is saved.", after={"changed": sorted(after)})


def _export(call: Call) -> Outcome:
    user_id: str = call.row.user_id
    document = customers.export(user_id=user_id)
    return Outcome(
        message="",
        attachment=Attachment(
            name=f"user-{user_id}.json",
            content=json.dumps(document, indent=2, ensure_ascii=False).encode(),
            content_type="application/json",
        ),
    )


def _erase(call: Call) -> Outcome:
    receipt = customers.erase(user_id=call.row.user_id)
    columns = (
        Column("Table", lambda table: table),
        Column("Rows erased", lambda table: number(receipt.erased.get(table, 0)), "num"),
        Column("Found afterwards", lambda table: number(receipt.remaining.get(table, 0)), "num"),
    )
    tables = dict.fromkeys([*receipt.erased, *receipt.remaining])
    return Outcome(
        message=f"User {receipt.user_id} is erased.",
        url=list_url("users"),
        after={"erased": dict(receipt.erased)},
        panel=Panel(
            title="Receipt",
            template="staff/panels/table.html",
            context={
                "label": "Receipt",
                "columns": columns,
                "rows": [[(column, column.value(table)) for column in columns] for table in tables],
            },
        ),
    )


class CustomerResource(Resource):
    """Customers, under the name that the API gives them: users."""

    name = "users"
    singular = "User"
    plural = "Users"
    permission = "users:read"
    columns = (
        Column("User", lambda row: row.user_id),
        Column("Name", lambda row: text_or_nothing(row.name)),
        Column("E-mail", lambda row: text_or_nothing(row.email)),
        Column("Labels", lambda row: tags(row.labels), "wide-only"),
    )
    search = Search(
        help="The beginning of a user’s id, in the shop’s spelling, or of an e-mail address.",
        placeholder="17850",
    )
    actions = (
        Action(
            name="edit",
            label="Edit",
            permission="users:write",
            question="What is known of {title}?",
            confirm_label="Save",
            run=_edit,
            form=lambda row, data: CustomerForm(data, initial=initial(row)),
        ),
        Action(
            name="export",
            label="Export",
            permission="users:read",
            question="Download all that is stored about {title}, as one JSON file?",
            confirm_label="Download",
            run=_export,
        ),
        Action(
            name="erase",
            label="Erase",
            permission="users:write",
            question="Erase {title} and every row about them? This cannot be undone.",
            confirm_label="Erase for ever",
            danger=True,
            run=_erase,
            form=lambda row, data: TypedForm(data, expected=row.user_id),
        ),
    )
    parts = (
        Part(
            name="recommendations",
            template=LIST_TEMPLATE,
            load=_recommendations,
        ),
    )

    def page(self, query: Query) -> Page[Customer]:
        return customers.listing(prefix=query.search, limit=query.limit, position=query.position)

    def key(self, row: Customer) -> str:
        return row.user_id

    def find(self, key: str) -> Customer | None:
        return customers.find(user_id=key)

    def title(self, row: Customer) -> str:
        return f"User {row.user_id}"

    def empty(self, query: Query) -> Hint:
        if query.is_narrowed:
            return Hint("No user’s id or e-mail address begins with that.")
        return Hint(
            "There are no users yet. They appear with the first events that the shop sends to the "
            "API or that “manage.py import” loads."
        )

    def panels(self, request: HttpRequest, row: Customer) -> Sequence[Panel]:  # noqa: ARG002  # for others
        history = events.history(actor=row.user_id, limit=_EVENTS)
        facts = [
            ("Id", row.user_id),
            *((("Name", row.name),) if row.name else ()),
            *((("E-mail", row.email),) if row.email else ()),
            *((("Labels", tags(row.labels)),) if row.labels else ()),
            *((name, plain(value)) for name, value in row.attributes.items()),
        ]
        return [
            Panel(title="About", template="staff/panels/facts.html", context={"facts": facts}),
            Panel(
                title="Recommended now, and why",
                template="staff/panels/part.html",
                context={"url": part_url("users", row.user_id, "recommendations"), "tall": True},
                width="half",
            ),
            Panel(
                title="What this user did",
                template="staff/recommendations/history.html",
                context={
                    "events": cells.summaries(history.rows),
                    "more_url": list_url("events", user=row.user_id) if history.next else "",
                    "hint": Hint("This user has no events; popular products are shown to them."),
                },
                width="half",
            ),
        ]
