"""Model versions: how good they are beside simple lists, and which one is live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from core.pages import Page
from core.staff.html import NOTHING, age, badge, day, link, moment, number, percent, plain
from core.staff.links import action_url, list_url
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
)
from core.validation import from_iso
from recommendations import reporting
from recommendations.services import versions
from recommendations.services.versions import ModelVersion, NotPublishableError
from recommendations.staff import cells
from recommendations.staff.jobs import TRAIN
from recommendations.staff.model_quality import measure, quality_panel
from recommendations.staff.models_compared import compare_url
from recommendations.staff.report import report_url

_MEASURES = {
    "recall@20": "Recall@20: of what users then took (bought, liked, viewed …), the share that was "
    "among 20 recommended",
    "ndcg@20": "NDCG@20: the same, and better the higher in the list it stood",
    "hit_rate@20": "Hit rate@20: users for whom at least one of 20 was right",
    "coverage@20": "Coverage@20: the share of the catalogue that is recommended to somebody",
}
_STATE_TONES = {"training": "busy", "rejected": "bad"}


@dataclass(frozen=True, slots=True)
class Listed:
    """A version, and the one that is live."""

    version: ModelVersion
    live: str | None

    @property
    def is_live(self) -> bool:
        return self.version.version == self.live

    @property
    def is_older(self) -> bool:
        """Tell whether publishing it would be going back."""
        return self.live is not None and self.version.version < self.live

    @property
    def is_publishable(self) -> bool:
        return not self.is_live and self.version.is_publishable


def bars(version: ModelVersion) -> list[dict[str, Any]]:
    """Return the measures as groups of bars, the longest of a group being the full width."""
    groups = []
    for name, label in _MEASURES.items():
        values = [
            (of, measure(version, name, of=of)) for of in _ordered(version) if of != "intervals"
        ]
        known = [(of, value) for of, value in values if value is not None]
        if not known:
            continue
        top = max(value for _, value in known) or 1.0
        groups.append(
            {
                "label": label,
                "bars": [
                    {
                        "name": reporting.NAMES.get(of, of),
                        "value": percent(value),
                        "width": max(1, round(100 * value / top)),
                        "own": of == "model",
                    }
                    for of, value in known
                ],
            }
        )
    return groups


def _ordered(version: ModelVersion) -> list[str]:
    first = [name for name in reporting.NAMES if name in version.metrics]
    return [*first, *(name for name in version.metrics if name not in reporting.NAMES)]


def state(row: Listed) -> Any:
    if row.is_live:
        return badge("live", "good")
    return badge(row.version.state, _STATE_TONES.get(row.version.state, ""))


def data_range(version: ModelVersion) -> Any:
    """Return from when to when the events are that a version learnt from."""
    if not {"from", "to"} <= version.data.keys():
        return NOTHING
    return f"{day(from_iso(version.data['from']))} to {day(from_iso(version.data['to']))}"


def beside_lists(version: ModelVersion) -> str:
    """Return how a version did beside the simple lists, in a few words; empty if unknown."""
    own = measure(version, "recall@20")
    if own is None:
        return ""
    lists = {of: measure(version, "recall@20", of=of) for of in ("popular", "trending")}
    others = ", ".join(f"{of} list {percent(value)}" for of, value in lists.items() if value)
    return f"recall@20 {percent(own)}" + (f" ({others})" if others else "")


def _publish(call: Call) -> Outcome:
    row: Listed = call.row
    name = row.version.version
    try:
        before = versions.publish(version=name)
    except NotPublishableError as error:
        raise ActionError(f"{error}.") from error
    return Outcome(
        message=f"Model {name} is live now. Users see its recommendations at their next visit.",
        before={"live": before},
        after={"live": name, "state": row.version.state},
    )


class ModelResource(Resource):
    """Trained models."""

    name = "models"
    singular = "Model version"
    plural = "Models"
    permission = "recommendations:read"
    filters = cells.PERIOD_FILTERS
    columns = (
        Column("Version", lambda row: row.version.version, "nowrap"),
        Column("State", state),
        Column("Trained (UTC)", lambda row: moment(from_iso(row.version.created_at)), "wide-only"),
        Column("Recall@20", lambda row: percent(measure(row.version, "recall@20")), "num"),
        Column(
            "of popular list",
            lambda row: percent(measure(row.version, "recall@20", of="popular")),
            "num",
        ),
        Column("Event lines", lambda row: number(row.version.data.get("events")), "num wide-only"),
    )
    links = (
        Link(
            label="Compare two",
            permission="recommendations:read",
            url=lambda _: compare_url(),
            on_row=False,
        ),
        Link(
            label="Compare",
            permission="recommendations:read",
            url=lambda row: compare_url(row.version.version),
        ),
    )
    has_charts = True
    actions = (
        TRAIN,
        Action(
            name="publish",
            label="Publish",
            permission="jobs:run",
            question=(
                "Make {title} live, at once? Its page says how good it is, and why training did "
                "not publish it. The present one can be brought back."
            ),
            confirm_label="Publish it",
            run=_publish,
            offered=lambda row: row.is_publishable and not row.is_older,
        ),
        Action(
            name="roll-back",
            label="Roll back to this",
            permission="jobs:run",
            question="Go back to {title}, at once? The present one can be published again.",
            confirm_label="Roll back",
            run=_publish,
            offered=lambda row: row.is_publishable and row.is_older,
        ),
    )

    def page(self, query: Query) -> Page[Listed]:
        found = versions.listing(
            limit=query.limit, position=query.position, period=cells.period(query)
        )
        live = versions.live() if found.rows else None
        return Page(tuple(Listed(row, live) for row in found.rows), found.next)

    def key(self, row: Listed) -> str:
        return row.version.version

    def find(self, key: str) -> Listed | None:
        found = versions.find(version=key)
        return None if found is None else Listed(found, versions.live())

    def title(self, row: Listed) -> str:
        return f"Model {row.version.version}"

    def empty(self, query: Query) -> Hint:
        if query.is_narrowed:
            return Hint("No model was trained on these days.", "All models", list_url(self.name))
        return Hint(
            "No model has been trained yet. Training needs events: purchases, views or likes.",
            "Train a model now",
            action_url("models", "train"),
            "jobs:run",
        )

    def list_panels(self, request: HttpRequest, query: Query) -> Sequence[Panel]:  # noqa: ARG002  # for others
        return [quality_panel(request)]

    def panels(self, request: HttpRequest, row: Listed) -> Sequence[Panel]:  # noqa: ARG002  # for others
        version = row.version
        created = from_iso(version.created_at)
        facts = [
            ("State", state(row)),
            ("Trained", f"{created:%Y-%m-%d %H:%M} UTC, {age(created)}"),
            ("Learnt from", data_range(version)),
            ("Event lines", number(version.data.get("events"))),
            ("Users", number(version.data.get("users"))),
            ("Items", number(version.data.get("items"))),
            ("Neighbour lists", number(version.rows.get("neighbours"))),
            ("Report", _report(version)),
        ]
        return [
            Panel(
                title="About",
                template="staff/panels/facts.html",
                context={"facts": facts},
                width="half",
            ),
            *_decision(version),
            Panel(
                title="Quality beside simple lists",
                description=_measured_on(version.data),
                template="staff/panels/bars.html",
                context={
                    "groups": bars(version),
                    "hint": Hint("Quality is measured during training; it is not there yet."),
                },
            ),
            Panel(
                title="Parameters",
                template="staff/panels/facts.html",
                context={
                    "facts": [(name, plain(value)) for name, value in version.parameters.items()]
                },
            ),
        ]


def _report(version: ModelVersion) -> Any:
    if not version.is_publishable:
        return NOTHING
    return link("Measures, charts and what changes", report_url(version.version))


def _decision(version: ModelVersion) -> list[Panel]:
    reasons = (version.data.get("decision") or {}).get("reasons")
    if not reasons:
        return []
    verb = "was not" if version.state == "rejected" else "was"
    return [
        Panel(
            title=f"Why it {verb} published by itself",
            template="staff/panels/sentences.html",
            context={"sentences": reasons},
            width="half",
        )
    ]


def _measured_on(data: Mapping[str, Any]) -> str:
    holdout = data.get("holdout") or {}
    if not holdout.get("users"):
        return ""
    return (
        f"Trained without the last events ({day(from_iso(holdout['from']))} to "
        f"{day(from_iso(holdout['to']))}), then asked what {number(holdout['users'])} users took "
        "then that was new to them: bought, liked, put into a cart or viewed."
    )
