"""Placements: what is shown under each name, who changed it, and what the rules do."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.http import HttpRequest

from core.pages import Page
from core.staff.html import NOTHING, badge, link, moment, number, plain, row_link, text_or_nothing
from core.staff.links import list_url
from core.staff.resource import (
    Action,
    ActionError,
    Call,
    Column,
    Hint,
    Link,
    Outcome,
    Panel,
    Query,
    Resource,
    Search,
)
from core.validation import from_iso
from recommendations.placements import Placement
from recommendations.services import placements
from recommendations.services.placements import (
    KEPT_VERSIONS,
    Change,
    PlacementChangedError,
    StoredPlacement,
    UnknownVersionError,
    Version,
)
from recommendations.staff.experiment_actions import start
from recommendations.staff.experiment_forms import StartForm
from recommendations.staff.placement_editor import editor_url
from recommendations.staff.placement_forms import RECOMMENDER_LABELS
from recommendations.staff.placement_preview import VisitForm, preview_context, rule_sentences
from recommendations.staff.placement_texts import experiment_text, sentences

WRITE = "placements:write"
_TABLE = "staff/panels/table.html"
_NO_RULES = "None: the recommender alone decides."


class RevertForm(forms.Form):
    """Which version to go back to."""

    version = forms.ChoiceField()

    def __init__(self, data: Mapping[str, Any] | None, *, stored: StoredPlacement) -> None:
        super().__init__(data)
        older = placements.history(name=stored.placement.name, limit=KEPT_VERSIONS).rows
        self.fields["version"].choices = [
            (version.number, _version_label(version))
            for version in older
            if version.placement is not None and version.number != stored.number
        ]


def _version_label(version: Version) -> str:
    return f"{version.number}: {from_iso(version.saved_at):%Y-%m-%d %H:%M} by {version.saved_by}"


def _outcome(message: str, change: Change, url: str = "") -> Outcome:
    changed = change.differences()
    return Outcome(message=message, url=url, before=changed["before"], after=changed["after"])


def _revert(call: Call) -> Outcome:
    stored: StoredPlacement = call.row
    name, version = stored.placement.name, int(call.data["version"])
    try:
        change = placements.revert(name=name, number=version, by=call.by, replaces=stored.number)
    except (PlacementChangedError, UnknownVersionError) as error:
        raise ActionError(f"{error}.") from error
    return _outcome(f"{name} is as it was in version {version} again.", change)


def _delete(call: Call) -> Outcome:
    stored: StoredPlacement = call.row
    name = stored.placement.name
    try:
        change = placements.delete(name=name, by=call.by, replaces=stored.number)
    except PlacementChangedError as error:
        raise ActionError(f"{error}.") from error
    return _outcome(f"{name} is gone: its name is unknown now.", change, list_url("placements"))


class PlacementResource(Resource):
    """What the shop shows under each name."""

    name = "placements"
    singular = "Placement"
    plural = "Placements"
    permission = "recommendations:read"
    intro = "What the shop asks for by name, such as the front page. A change shows at once."
    search = Search(help="The beginning of a placement’s name.", placeholder="home")
    columns = (
        Column("Placement", lambda row: row.placement.name, "nowrap"),
        Column("Shows", lambda row: RECOMMENDER_LABELS[row.placement.recommender]),
        Column("Rules", lambda row: number(len(rule_sentences(row.placement.rules))), "num"),
        Column("Experiment", lambda row: experiment_text(row.placement), "wide-only"),
        Column("Changed (UTC)", lambda row: moment(from_iso(row.saved_at)), "wide-only"),
        Column("By", lambda row: row.saved_by, "wide-only"),
    )
    links = (
        Link(
            label="Add placement",
            permission=WRITE,
            url=lambda _: editor_url(),
            on_row=False,
        ),
        Link(
            label="Edit",
            permission=WRITE,
            url=lambda row: editor_url(row.placement.name),
        ),
    )
    actions = (
        Action(
            name="experiment",
            label="Start an experiment",
            permission=WRITE,
            question="Show {title} to a share of the users in another way, and compare?",
            confirm_label="Start it",
            run=start,
            form=lambda row, data: StartForm(data, placements=[row.placement.name]),
            offered=lambda row: row.placement.experiment is None,
        ),
        Action(
            name="revert",
            label="Go back",
            permission=WRITE,
            question="Go back to which version of {title}? The present one is kept.",
            confirm_label="Go back",
            run=_revert,
            form=lambda row, data: RevertForm(data, stored=row),
            offered=lambda row: row.number > 1,
        ),
        Action(
            name="delete",
            label="Delete",
            permission=WRITE,
            question="Delete {title}? The shop’s requests for it get a 404 from then on.",
            confirm_label="Delete it",
            danger=True,
            run=_delete,
        ),
    )

    def page(self, query: Query) -> Page[StoredPlacement]:
        return placements.listing(limit=query.limit, position=query.position, prefix=query.search)

    def key(self, row: StoredPlacement) -> str:
        return row.placement.name

    def find(self, key: str) -> StoredPlacement | None:
        return placements.find(name=key)

    def empty(self, query: Query) -> Hint:
        if query.is_narrowed:
            return Hint(
                "No placement’s name begins with that.", "All placements", list_url(self.name)
            )
        return Hint(
            "There are no placements yet. One says what the shop shows in one of its places: "
            "which recommender, which filters, and what to boost, bury or pin.",
            "Add the first placement",
            editor_url(),
            WRITE,
        )

    def panels(self, request: HttpRequest, row: StoredPlacement) -> Sequence[Panel]:
        placement = row.placement
        facts = [*_settings(placement), ("Version", f"{row.number}, by {row.saved_by}")]
        if placement.experiment is not None:
            result = row_link("experiments", placement.name, "Result so far, stop, adopt a variant")
            facts.append(("How it does", result))
        form = VisitForm(request.GET)
        return [
            Panel(
                title="About",
                template="staff/panels/facts.html",
                context={"facts": facts},
                width="half",
            ),
            Panel(
                title="Filters and rules",
                template="staff/panels/sentences.html",
                context={
                    "sentences": sentences(placement) or ["None: the recommender alone decides."]
                },
                width="half",
            ),
            Panel(
                title="What it shows",
                template="staff/recommendations/placement_shown.html",
                context={
                    "form": form,
                    "preview": preview_context(placement, form) if form.is_valid() else None,
                },
            ),
            *_compared(request, row),
            _history(row),
        ]


def _history(stored: StoredPlacement) -> Panel:
    name = stored.placement.name
    columns = (
        Column("Version", lambda row: row.number, "num"),
        Column("Saved (UTC)", lambda row: moment(from_iso(row.saved_at))),
        Column("By", lambda row: row.saved_by),
        Column("Note", lambda row: _note(row), "wide-only"),
        Column("Compared with now", lambda row: _compare_link(row, stored)),
    )
    rows = placements.history(name=name, limit=KEPT_VERSIONS).rows
    return Panel(
        title="History",
        template=_TABLE,
        context={
            "label": "Versions",
            "columns": columns,
            "rows": [[(column, column.value(row)) for column in columns] for row in rows],
        },
    )


def _note(version: Version) -> Any:
    if version.placement is None:
        return badge("deleted", "bad")
    return text_or_nothing(version.note)


def _compare_link(version: Version, stored: StoredPlacement) -> Any:
    if version.number == stored.number:
        return badge("now", "good")
    if version.placement is None:
        return NOTHING
    return link("See what differs", f"?compared={version.number}#compared")


def _compared(request: HttpRequest, stored: StoredPlacement) -> list[Panel]:
    """Return what differs between the version that the address asks for and the present one."""
    wanted = request.GET.get("compared", "")
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 9):
        return []
    version = placements.find_version(name=stored.placement.name, number=int(wanted))
    if version is None or version.placement is None:
        return []
    columns = (
        Column("What", lambda row: row[0]),
        Column(f"In version {wanted}", lambda row: row[1]),
        Column("Now", lambda row: row[2]),
    )
    rows = _differences(version.placement, stored.placement)
    return [
        Panel(
            title=f"Version {wanted} and now",
            template=_TABLE,
            context={
                "label": "What differs",
                "columns": columns,
                "rows": [[(column, column.value(row)) for column in columns] for row in rows],
                "hint": Hint("They are the same."),
            },
        )
    ]


def _differences(before: Placement, after: Placement) -> list[tuple[str, Any, Any]]:
    """Return what differs as (what, before, after): settings, then rules that went or came."""
    old, new = dict(_settings(before)), dict(_settings(after))
    rows = [(name, old[name], new[name]) for name in old if old[name] != new[name]]
    went, came = sentences(before), sentences(after)
    rows += [("Rule", sentence, NOTHING) for sentence in went if sentence not in came]
    rows += [("Rule", NOTHING, sentence) for sentence in came if sentence not in went]
    return rows


def _settings(placement: Placement) -> list[tuple[str, Any]]:
    return [
        ("Shows", RECOMMENDER_LABELS[placement.recommender]),
        ("Filled up with", plain([RECOMMENDER_LABELS[name] for name in placement.fallbacks])),
        ("Products", number(placement.limit)),
        ("What the user bought", "left out" if placement.exclude_purchased else "shown too"),
        ("Experiment", experiment_text(placement)),
        ("Description", text_or_nothing(placement.description)),
    ]
