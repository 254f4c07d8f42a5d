"""What a resource of the staff site declares: columns, search, filters, actions, panels.

The kit knows nothing of where rows come from: a resource asks its app's services, and the
generic views of `core.staff.site` do the rest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest

from core.pages import Page


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    value
        Returns a row's cell: text, which is escaped, or safe HTML of `core.staff.html`.
    style
        Any of the classes ``num`` (right-aligned figures), ``nowrap`` and ``wide-only`` (left
        out on a phone).
    """

    label: str
    value: Callable[[Any], Any]
    style: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The search box of a list: what it looks at, and an example."""

    help: str
    placeholder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A filter beside a list: a choice of values or, without choices, a value typed in.

    Attributes
    ----------
    is_day
        A day is typed in, as ISO 8601.
    """

    name: str
    title: str
    choices: tuple[tuple[str, str], ...] = ()
    placeholder: str = ""
    is_day: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a list is asked for; filters that are not set are absent.

    Attributes
    ----------
    prepared
        Of a deferred list, what its `Resource.prepare` returned; None where all is asked for at
        once, as for a download.
    """

    search: str
    filters: Mapping[str, str]
    limit: int
    position: Any = None
    prepared: Any = None

    @property
    def is_narrowed(self) -> bool:
        return bool(self.search or self.filters)


@dataclass(frozen=True, slots=True)
class Hint:
    """What an empty list says: what is (not) here, and what to do next.

    Attributes
    ----------
    permission
        Needed to see the link; none when empty.
    """

    text: str
    link_label: str = ""
    link: str = ""
    permission: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A part of a page, with a heading and a template of its own.

    Attributes
    ----------
    width
        ``third``, ``half`` or ``full`` of the page.
    """

    title: str
    template: str
    context: Mapping[str, Any]
    width: str = "full"
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that an action makes."""

    name: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an action did.

    Attributes
    ----------
    message
        Shown to whom it concerns, once.
    url
        Where to go next; by default back to where the action was offered.
    target
        What was changed; by default what the action was run on.
    before, after
        What changed, for the audit; no secrets.
    panel
        Shown instead of going on, for what must be seen at once and never again.
    attachment
        A file to download, in the place of a page.
    """

    message: str
    url: str = ""
    target: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    panel: Panel | None = None
    attachment: Attachment | None = None


class ActionError(Exception):
    """The action could not be done; the message says why and what to do instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Who runs an action, on what, with which checked input.

    Attributes
    ----------
    row
        What it is run on; None for the whole list, and for several rows at once.
    rows
        The several, for `Action.run_many` alone.
    """

    by: str
    row: Any = None
    rows: Sequence[Any] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that can be done on a list, or with ``on_row`` on one row, after a confirmation.

    Attributes
    ----------
    question
        Asked before it is done; ``{title}`` stands for the row's title.
    bulk
        Also offered for several rows at once.
    run_many
        Runs it on several rows at once; without it, each is run by itself.
    form
        Returns the form to fill in, unbound or bound to ``data``, for a row or None.
    listed
        Whether it is offered at the top of a page; what is not, is linked to from elsewhere.
    offered
        Tells whether it makes sense for a row.
    """

    name: str
    label: str
    permission: str
    question: str
    run: Callable[[Call], Outcome]
    on_row: bool = True
    confirm_label: str = "Yes, I’m sure"
    danger: bool = False
    bulk: bool = False
    run_many: Callable[[Call], Outcome] | None = None
    form: Callable[[Any, Mapping[str, Any] | None], forms.Form] | None = None
    listed: bool = True
    offered: Callable[[Any], bool] = lambda _: True


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A page of its own for what no action's question could ask; offered beside the actions.

    Attributes
    ----------
    url
        Returns its address, for a row or None.
    """

    label: str
    permission: str
    url: Callable[[Any], str]
    on_row: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a row's page that the browser asks for by itself.

    Attributes
    ----------
    load
        Returns the template's context, given the row's key.
    """

    name: str
    template: str
    load: Callable[[HttpRequest, str], Mapping[str, Any]]


class Resource:
    """One kind of thing on the staff site; subclasses fill in the declarations.

    Attributes
    ----------
    name
        In addresses: ``/admin/<name>/``.
    permission
        Needed to see the list and the rows.
    has_charts
        Whether the pages need the script that draws them.
    is_deferred
        Whether the browser asks for the rows by itself, because finding them takes more round
        trips than a request should make.
    """

    name: ClassVar[str]
    singular: ClassVar[str]
    plural: ClassVar[str]
    permission: ClassVar[str]
    intro: ClassVar[str] = ""
    columns: ClassVar[Sequence[Column]]
    search: ClassVar[Search | None] = None
    filters: ClassVar[Sequence[Filter]] = ()
    links: ClassVar[Sequence[Link]] = ()
    actions: ClassVar[Sequence[Action]] = ()
    parts: ClassVar[Sequence[Part]] = ()
    page_size: ClassVar[int] = 25
    has_detail: ClassVar[bool] = True
    has_charts: ClassVar[bool] = False
    is_deferred: ClassVar[bool] = False

    def page(self, query: Query) -> Page[Any]:
        """Return a page of rows."""
        raise NotImplementedError

    def prepare(self, query: Query) -> Any:
        """Return, as JSON, what a deferred list's rows are found by; it comes in `Query`."""
        raise NotImplementedError

    def key(self, row: Any) -> str:
        """Return what identifies a row."""
        raise NotImplementedError

    def title(self, row: Any) -> str:
        """Return what a reader calls a row."""
        return self.key(row)

    def find(self, key: str) -> Any | None:
        """Return the row with a key, or None."""
        raise NotImplementedError

    def find_many(self, keys: Sequence[str]) -> Sequence[Any]:
        """Return the rows that there are of these keys, for actions on several rows."""
        return [row for row in map(self.find, keys) if row is not None]

    def list_panels(self, request: HttpRequest, query: Query) -> Sequence[Panel]:  # noqa: ARG002  # for others
        """Return what stands above a page of the list."""
        return ()

    def panels(self, request: HttpRequest, row: Any) -> Sequence[Panel]:
        """Return the parts of a row's page."""
        raise NotImplementedError

    def empty(self, query: Query) -> Hint:
        """Return what to say when a list has no rows."""
        if query.is_narrowed:
            return Hint(f"No {self.plural.lower()} match. Change the search or the filters.")
        return Hint(f"There are no {self.plural.lower()} yet.")

    def missing(self, key: str) -> str:
        """Return what to say when there is no row with a key."""
        return f"There is no {self.singular.lower()} “{key}”. It may have been removed."

    def action(self, name: str, *, on_row: bool) -> Action | None:
        """Return an action by its name."""
        return next((a for a in self.actions if a.name == name and a.on_row == on_row), None)
