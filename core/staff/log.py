"""The page that lists what staff have changed."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html_join

from core import audit
from core.audit import Entry
from core.pages import Page
from core.staff.html import NOTHING, link, moment, plain
from core.staff.links import list_url
from core.staff.resource import Column, Filter, Hint, Panel, Query, Resource


class AuditResource(Resource):
    """Who changed what, newest first. Nothing here can be changed."""

    name = "audit"
    singular = "Change"
    plural = "Audit log"
    intro = "Every change that staff made here, newest first. Nobody can edit or remove one."
    columns = (
        Column("Time (UTC)", lambda row: moment(row.at)),
        Column("Who", lambda row: _by(row)),
        Column("Did", lambda row: row.action),
        Column("To", lambda row: _target(row)),
        Column("From", lambda row: _values(row.before), "wide-only"),
        Column("Into", lambda row: _values(row.after), "wide-only"),
    )
    filters = (
        Filter(name="by", title="person", placeholder="username"),
        Filter(name="target", title="what was changed", placeholder="its id"),
        Filter(name="since", title="first day (UTC)", is_day=True),
        Filter(name="until", title="last day (UTC)", is_day=True),
    )

    def __init__(self, *, permission: str) -> None:
        self.permission = permission  # type: ignore[misc]

    def page(self, query: Query) -> Page[Entry]:
        return audit.listing(limit=query.limit, position=query.position, **query.filters)

    def key(self, row: Entry) -> str:
        return row.entry_id

    def title(self, row: Entry) -> str:
        return row.action

    def find(self, key: str) -> Entry | None:
        return audit.find(entry_id=key)

    def empty(self, query: Query) -> Hint:
        if query.is_narrowed:
            return Hint(
                "No change matches. A username or id must be exact, and the first day not after "
                "the last.",
                "All changes",
                list_url(self.name),
            )
        return Hint("Nothing has been changed yet. What staff change from now on is listed here.")

    def panels(self, request: HttpRequest, row: Entry) -> Sequence[Panel]:  # noqa: ARG002  # for others
        facts = [
            ("Time (UTC)", moment(row.at)),
            ("Who", _by(row)),
            ("Did", row.action),
            ("To", _target(row)),
        ]
        names = dict.fromkeys([*row.before, *row.after])
        columns = (
            Column("Field", lambda name: name),
            Column("From", lambda name: plain(row.before.get(name))),
            Column("Into", lambda name: plain(row.after.get(name))),
        )
        changes = [[(column, column.value(name)) for column in columns] for name in names]
        return [
            Panel(title="Change", template="staff/panels/facts.html", context={"facts": facts}),
            Panel(
                title="From what into what",
                template="staff/panels/table.html",
                context={
                    "label": "Values",
                    "columns": columns,
                    "rows": changes,
                    "hint": Hint("This change has no values to compare."),
                },
            ),
        ]


def _by(entry: Entry) -> Any:
    return link(entry.by, list_url(AuditResource.name, by=entry.by))


def _target(entry: Entry) -> Any:
    if not entry.target:
        return NOTHING
    return link(entry.target, list_url(AuditResource.name, target=entry.target))


def _values(values: Any) -> Any:
    parts = ((name, plain(value)) for name, value in values.items())
    return format_html_join(", ", "{}: {}", parts) or NOTHING
