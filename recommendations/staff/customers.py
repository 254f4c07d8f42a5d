"""Users of the shop: who they are, what they did, what they are recommended, and why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest

from core.pages import Page
from core.staff.base import LONGEST_INPUT
from core.staff.html import link_tags, number, plain, text_or_nothing
from core.staff.links import detail_url, list_url, part_url
from core.staff.resource import (
    Action,
    ActionError,
    Attachment,
    Call,
    Column,
    Filter,
    Hint,
    Outcome,
    Panel,
    Part,
    Query,
    Resource,
    Search,
)
from core.validation import to_key
from recommendations.services import events
from recommendations.staff import answers, cells
from recommendations.staff.answers import Question
from recommendations.staff.forms import CustomerForm, TypedForm, changed, difference, initial
from users.entities import Customer
from users.services import customers
from users.services.customers import ErasureUnfinishedError

_EVENTS = 12


class ListForm(forms.Form):
    """Which lists of a user to look at."""

    show = forms.ChoiceField(label="Show")
    beside = forms.ChoiceField(label="Beside it", required=False)

    def __init__(self, data: Mapping[str, str]) -> None:
        super().__init__({"show": data.get("show", "personal"), "beside": data.get("beside", "")})
        choices = [(name, answers.label(name)) for name in answers.FOR_USERS]
        choices += answers.placement_choices()
        self.fields["show"].choices = choices
        self.fields["beside"].choices = [("", "What the user did"), *choices]


def _recommendations(request: HttpRequest, key: str) -> Mapping[str, Any]:
    name = request.GET.get("show", "personal")
    if name in answers.PAIRS or not answers.is_known(name):
        name = "personal"
    _, data = answers.answered(Question(name=name, user_id=key))
    return data


def _without(request: HttpRequest, key: str) -> Mapping[str, Any]:
    event = _event_left_out(request)
    if event is None:
        return {"lists": []}
    timestamp, event_id = event
    now = Question(name="personal", user_id=key)
    then = replace(now, without=(key, f"{to_key(timestamp)}#{event_id}"))
    titles = ["As it is", f"Without the event of {timestamp:%Y-%m-%d %H:%M}"]
    _, data = answers.compared([now, then], titles)
    return data


def _event_left_out(request: HttpRequest) -> tuple[datetime, str] | None:
    parts = cells.parse_event_key(request.GET.get("without", "")[:LONGEST_INPUT])
    return None if parts is None else parts[:2]


def _history(request: HttpRequest, key: str) -> Mapping[str, Any]:  # noqa: ARG001  # a part's signature
    found = events.history(actor=key, limit=_EVENTS)
    return {
        "events": cells.summaries(found.rows),
        "url": detail_url("users", key),
        "more_url": list_url("events", user=key) if found.next else "",
        "hint": Hint("This user has no events; popular products are shown to them."),
    }


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
    try:
        receipt = customers.erase(user_id=call.row.user_id)
    except ErasureUnfinishedError as error:
        message = (
            f"{number(sum(error.erased.values()))} rows are erased, and there are more than fit "
            "into one go. Erase this user again."
        )
        raise ActionError(message) from error
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
        Column("Labels", lambda row: _labels(row), "wide-only"),
    )
    search = Search(
        help="The beginning of a user’s id, of an e-mail address, or of a label.",
        placeholder="17850",
    )
    filters = (Filter(name="label", title="label", placeholder="exact label"),)
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
        Part(name="recommendations", template=answers.LIST_TEMPLATE, load=_recommendations),
        Part(name="without", template=answers.COMPARED_TEMPLATE, load=_without),
        Part(name="history", template="staff/recommendations/history.html", load=_history),
    )

    def page(self, query: Query) -> Page[Customer]:
        if not query.is_narrowed:
            return customers.listing(limit=query.limit, position=query.position)
        return customers.search(
            text=query.search,
            label=query.filters.get("label"),
            limit=query.limit,
            position=query.position,
            reads=1,
        )

    def key(self, row: Customer) -> str:
        return row.user_id

    def find(self, key: str) -> Customer | None:
        return customers.find(user_id=key)

    def title(self, row: Customer) -> str:
        return f"User {row.user_id}"

    def empty(self, query: Query) -> Hint:
        if query.is_narrowed:
            return Hint(
                "No user’s id, e-mail address or label begins with that. Try fewer letters, or "
                "clear the filter: its label must be exact.",
                "All users",
                list_url("users"),
            )
        return Hint(
            "There are no users yet. They appear with the first events that the shop sends to the "
            "API or that “manage.py import” loads."
        )

    def panels(self, request: HttpRequest, row: Customer) -> Sequence[Panel]:
        facts = [
            ("Id", row.user_id),
            *((("Name", row.name),) if row.name else ()),
            *((("E-mail", row.email),) if row.email else ()),
            *((("Labels", _labels(row)),) if row.labels else ()),
            *((name, plain(value)) for name, value in row.attributes.items()),
        ]
        return [
            Panel(title="About", template="staff/panels/facts.html", context={"facts": facts}),
            *_lists(request, row.user_id),
        ]


def _labels(customer: Customer) -> Any:
    return link_tags((list_url("users", label=label), label) for label in customer.labels)


def _lists(request: HttpRequest, user_id: str) -> list[Panel]:
    """Return what is recommended, with what the address asks for beside it, and the history."""
    history = part_url("users", user_id, "history")
    if _event_left_out(request) is not None:
        key = request.GET["without"][:LONGEST_INPUT]
        without = f"{part_url('users', user_id, 'without')}?{urlencode({'without': key})}"
        return [
            _panel(
                "What if it had not happened?",
                without,
                "Computed once more as if the event had never been; nothing is stored or removed. "
                "The user’s page without this address shows what is recommended now.",
            ),
            _panel("What this user did", history),
        ]
    form = ListForm(request.GET.dict())
    asked = form.cleaned_data if form.is_valid() else {"show": "personal", "beside": ""}
    url = part_url("users", user_id, "recommendations")
    panels = [
        Panel(
            title="Recommended now, and why",
            template="staff/recommendations/asked.html",
            context={"form": form, "url": f"{url}?{urlencode({'show': asked['show']})}"},
            width="half",
        )
    ]
    if asked["beside"]:
        beside = f"{url}?{urlencode({'show': asked['beside']})}"
        panels.append(_panel(answers.label(asked["beside"]), beside, width="half"))
        return [*panels, _panel("What this user did", history)]
    return [*panels, _panel("What this user did", history, width="half")]


def _panel(title: str, url: str, description: str = "", *, width: str = "full") -> Panel:
    return Panel(
        title=title,
        description=description,
        template="staff/panels/part.html",
        context={"url": url},
        width=width,
    )
