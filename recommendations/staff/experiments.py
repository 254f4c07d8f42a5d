"""Experiments: what runs where, what it says, and how it ends."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.template.defaultfilters import pluralize
from django.urls import reverse

from core.pages import Page
from core.staff.html import NOTHING, badge, day, link, moment, percent, row_link
from core.staff.links import action_url, part_url
from core.staff.resource import (
    Action,
    Column,
    Filter,
    Hint,
    Panel,
    Part,
    Query,
    Resource,
)
from core.validation import from_iso
from recommendations.placements import Experiment, Placement
from recommendations.services import experiment_changes, insights, placements
from recommendations.services.experiments import UnknownPlacementError
from recommendations.staff.experiment_actions import Listed, adopt, start, stop
from recommendations.staff.experiment_forms import AdoptForm, StartForm, describe
from recommendations.staff.insights import HOW_TO_READ, experiment_facts, variants_panel
from recommendations.staff.placement_texts import sentences

_WRITE = "placements:write"
_PLACEMENTS = 100
_GONE = Hint("There is no such experiment any more: it has ended meanwhile.")


def state(row: Listed) -> Any:
    """Return whether an experiment runs, or how it ended."""
    if row.ended is None:
        return badge("running", "busy")
    if row.ended.adopted is None:
        return badge("stopped")
    return badge(f"adopted {row.ended.adopted}", "good")


def _split(experiment: Experiment) -> str:
    total = sum(variant.weight for variant in experiment.variants)
    return ", ".join(
        f"{variant.name} {percent(variant.weight / total)}" for variant in experiment.variants
    )


def _ended(row: Listed) -> Any:
    return NOTHING if row.ended is None else moment(from_iso(row.ended.ended_at))


def _result(request: HttpRequest, key: str) -> Mapping[str, Any]:  # noqa: ARG001  # a part's signature
    try:
        found = insights.running_result(placement=key, until=datetime.now(UTC).date())
    except UnknownPlacementError:
        return {"hint": _GONE}
    if found.experiment is None:
        return {"hint": _GONE}
    return {
        "facts": experiment_facts(found.experiment),
        "table": variants_panel("Variants side by side", found.variants).context,
        "sentences": HOW_TO_READ,
    }


class ExperimentResource(Resource):
    """Variants of placements, each shown to its share of the users."""

    name = "experiments"
    singular = "Experiment"
    plural = "Experiments"
    permission = "insights:read"
    intro = (
        "An experiment shows a placement in two or more variants, each to its share of the users, "
        "and says which one does better once enough is known."
    )
    columns = (
        Column("Experiment", lambda row: row.experiment.name, "nowrap"),
        Column("Placement", lambda row: row.placement_name, "nowrap"),
        Column("State", state),
        Column("Variants", lambda row: _split(row.experiment), "wide-only"),
        Column("Ended (UTC)", _ended, "wide-only"),
    )
    filters = (
        Filter(name="state", title="state", choices=(("running", "Running"), ("ended", "Ended"))),
    )
    actions = (
        Action(
            name="start",
            label="Start an experiment",
            permission=_WRITE,
            question="Which placement shall be shown to a share of the users in another way?",
            confirm_label="Start it",
            run=start,
            on_row=False,
            form=lambda _, data: StartForm(data, placements=_free()),
        ),
        Action(
            name="adopt",
            label="Adopt a variant",
            permission=_WRITE,
            question=(
                "Which variant of {title} wins? The placement becomes it, for everybody, and the "
                "experiment ends. What it has said is kept, and the history of the placement "
                "leads back."
            ),
            confirm_label="Adopt it",
            run=adopt,
            form=lambda row, data: AdoptForm(data, experiment=row.experiment),
            offered=lambda row: row.is_running,
        ),
        Action(
            name="stop",
            label="Stop",
            permission=_WRITE,
            question=(
                "Stop {title}? Everybody sees the placement itself from the next request on. What "
                "the experiment has said is kept; started again, it begins anew."
            ),
            confirm_label="Stop it",
            danger=True,
            run=stop,
            offered=lambda row: row.is_running,
        ),
    )
    parts = (
        Part(name="result", template="staff/recommendations/experiment_result.html", load=_result),
    )

    def page(self, query: Query) -> Page[Listed]:
        position, wanted = query.position, query.filters.get("state", "")
        rows: list[Listed] = []
        if wanted != "ended" and (position is None or "#" not in position):
            rows = [row for row in _running() if position is None or row.key > position]
        if wanted != "running" and len(rows) <= query.limit:
            after = position if position is not None and "#" in position else None
            more = experiment_changes.ended(limit=query.limit + 1 - len(rows), position=after)
            rows += [Listed(None, each) for each in more.rows]
        is_more = len(rows) > query.limit
        rows = rows[: query.limit]
        return Page(tuple(rows), rows[-1].key if is_more else None)

    def key(self, row: Listed) -> str:
        return row.key

    def title(self, row: Listed) -> str:
        return f"{row.experiment.name} in {row.placement_name}"

    def find(self, key: str) -> Listed | None:
        if "#" in key:
            ended = experiment_changes.find_ended(key=key)
            return None if ended is None else Listed(None, ended)
        stored = placements.find(name=key)
        if stored is None or stored.placement.experiment is None:
            return None
        return Listed(stored)

    def missing(self, key: str) -> str:
        return f"No experiment runs in “{key}”. It may have ended; the list has those too."

    def empty(self, query: Query) -> Hint:
        if query.is_narrowed:
            return super().empty(query)
        return Hint(
            "No experiment runs, and none has ended here. One shows a placement in another way to "
            "a share of the users, and measures which way does better.",
            "Start an experiment",
            action_url("experiments", "start"),
            _WRITE,
        )

    def panels(self, request: HttpRequest, row: Listed) -> Sequence[Panel]:  # noqa: ARG002  # for others
        about = Panel(
            title="About",
            template="staff/panels/facts.html",
            context={"facts": _facts(row)},
            width="half",
        )
        variants = Panel(
            title="What each variant shows",
            template="staff/panels/sentences.html",
            context={"sentences": _variant_texts(row)},
            width="half",
        )
        if row.ended is not None:
            result = variants_panel("What it said when it ended", row.ended.result)
        else:
            result = Panel(
                title="Result so far",
                template="staff/panels/part.html",
                context={"url": part_url("experiments", row.key, "result")},
            )
        return [about, variants, result]


def _running() -> list[Listed]:
    found = placements.listing(limit=_PLACEMENTS).rows
    return [Listed(stored) for stored in found if stored.placement.experiment is not None]


def _free() -> list[str]:
    """Return the placements that run no experiment."""
    found = placements.listing(limit=_PLACEMENTS).rows
    return [row.placement.name for row in found if row.placement.experiment is None]


def _facts(row: Listed) -> list[tuple[str, Any]]:
    facts = [
        ("State", state(row)),
        ("Placement", _placement_link(row)),
        ("Split", _split(row.experiment)),
    ]
    if row.ended is not None:
        start = datetime.combine(row.ended.since, datetime.min.time(), UTC)
        return [
            *facts,
            ("Counted since", f"{day(start)}, on {row.ended.days} day{pluralize(row.ended.days)}"),
            ("Ended (UTC)", moment(from_iso(row.ended.ended_at))),
            ("By", row.ended.ended_by),
        ]
    insights_url = f"{reverse('admin:insights')}?placement={row.placement_name}"
    return [*facts, ("By day", link("Insights of the placement", insights_url))]


def _placement_link(row: Listed) -> Any:
    return row_link("placements", row.placement_name)


def _variant_texts(row: Listed) -> list[str]:
    placement: Placement | None = row.running.placement if row.running is not None else None
    texts = []
    for variant in row.experiment.variants:
        seen = placement.as_seen_in(variant) if placement is not None else None
        own = [] if seen is None or variant.rules is None else sentences(seen)
        texts.append("; ".join([f"{variant.name}: {describe(variant)}", *own]))
    return texts
