"""Two models side by side: quality, parameters, and what sample users and items would see."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from core.staff.base import ToolView
from core.staff.html import row_link
from core.staff.links import action_url, list_url
from core.staff.resource import Column, Hint, Panel
from recommendations.services import report, versions
from recommendations.services.versions import ModelVersion
from recommendations.staff.model_quality import Difference, facts_compared, measures_compared

_VERSIONS = 50
_SAMPLES = 2
_LONGEST_INPUT = 400
_NONE = Hint("Nothing is known of these two to be compared.")


def compare_url(after: str = "", before: str = "") -> str:
    """Return the address that compares a model with the live one, or with another."""
    asked = {name: value for name, value in (("before", before), ("after", after)) if value}
    url = reverse("models-compared")
    return f"{url}?{urlencode(asked)}" if asked else url


class ComparedForm(forms.Form):
    """Which two models, and for whom and what."""

    before = forms.ChoiceField()
    after = forms.ChoiceField(label="Beside it")
    users = forms.CharField(
        label="Sample users", required=False, max_length=_LONGEST_INPUT,
        help_text="Ids with commas; the users of the newest events where there are none.",
    )  # fmt: skip
    items = forms.CharField(
        label="Sample items", required=False, max_length=_LONGEST_INPUT,
        help_text="Ids with commas; the most popular items where there are none.",
    )  # fmt: skip

    def __init__(self, data: Mapping[str, Any], *, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__(data)
        for name in ("before", "after"):
            self.fields[name].choices = choices


class ModelsCompared(ToolView):
    """Measures and parameters at once; what changes for samples is asked for by the browser."""

    title = "Compare two models"
    permission = "recommendations:read"

    def get(self, request: HttpRequest) -> HttpResponse:
        if "part" in request.GET:
            return TemplateResponse(
                request,
                "staff/recommendations/samples.html",
                {"data": _samples(request.GET.dict())},
            )
        known = {row.version: row for row in versions.listing(limit=_VERSIONS).rows}
        live = versions.live()
        form = ComparedForm(
            {**_usual(list(known), live=live), **request.GET.dict()},
            choices=[(name, f"{name} (live)" if name == live else name) for name in known],
        )
        is_valid = len(known) > 1 and form.is_valid()
        return self.page(
            "staff/recommendations/models_compared.html",
            self.title,
            resource={"plural": "Models"},
            list_url=list_url("models"),
            form=form if len(known) > 1 else None,
            hint=_too_few(request, list(known)),
            actions=_actions(request, form.cleaned_data, known, live) if is_valid else [],
            panels=_panels(form.cleaned_data, known) if is_valid else [],
        )


def _usual(names: Sequence[str], *, live: str | None) -> dict[str, str]:
    """Return the live model and the newest other one."""
    before = live if live is not None and live in names else next(iter(names), "")
    after = next((name for name in names if name != before), "")
    return {"before": before, "after": after}


def _too_few(request: HttpRequest, names: Sequence[str]) -> Hint:
    text = "There is only one model yet." if names else "No model has been trained yet."
    if not request.user.has_perm("jobs:run"):
        return Hint(f"{text} Two are needed to compare.")
    return Hint(f"{text} Two are needed to compare.", "Train now", action_url("models", "train"))


def _actions(
    request: HttpRequest, asked: Mapping[str, str], known: Mapping[str, ModelVersion], live: Any
) -> list[dict[str, Any]]:
    """Return what makes the second model live, where that may be done."""
    after = asked["after"]
    if after == live or not known[after].is_publishable or not request.user.has_perm("jobs:run"):
        return []
    older = live is not None and after < live
    name, label = ("roll-back", "Roll back to") if older else ("publish", "Publish")
    return [{"label": f"{label} {after}", "url": action_url("models", name, after)}]


def _panels(asked: Mapping[str, str], known: Mapping[str, ModelVersion]) -> list[Panel]:
    before, after = known[asked["before"]], known[asked["after"]]
    titles = [row_link("models", row.version) for row in (before, after)]
    panels = [
        _table("Quality", ["Measure", *titles, "Difference"], measures_compared(before, after)),
        _table("Data, and parameters that differ", ["", *titles], facts_compared(before, after)),
    ]
    if not (before.is_publishable and after.is_publishable):
        gone = "The lists of one of the two are gone, so nobody can say what it would show."
        context = {"hint": Hint(gone)}
        return [*panels, Panel(title="Samples", template="staff/hint_panel.html", context=context)]
    return [*panels, _part(asked, "users"), _part(asked, "items")]


def _part(asked: Mapping[str, str], kind: str) -> Panel:
    query = urlencode({name: value for name, value in asked.items() if value} | {"part": kind})
    return Panel(
        title=f"What changes for sample {kind}",
        template="staff/panels/part.html",
        context={"url": f"{reverse('models-compared')}?{query}"},
    )


def _table(title: str, titles: Sequence[Any], rows: Sequence[Difference]) -> Panel:
    values = (lambda row: row.name, lambda row: row.before, lambda row: row.after,
              lambda row: row.change)  # fmt: skip
    columns = [Column(name, value) for name, value in zip(titles, values, strict=False)]
    return Panel(
        title=title,
        template="staff/panels/table.html",
        context={
            "label": title,
            "columns": columns,
            "rows": [[(column, column.value(row)) for column in columns] for row in rows],
            "hint": _NONE,
        },
    )


def _samples(asked: Mapping[str, str]) -> dict[str, Any]:
    """Return what is asked of the explorer: each sample under both models."""
    kind = "items" if asked["part"] == "items" else "users"
    keys = _ids(asked.get(kind, ""))
    if kind == "users":
        keys = keys or report.recent_users()[:_SAMPLES]
        question = {"kind": "user", "part": "personal"}
    else:
        keys = keys or report.popular_items(asked.get("before", ""))[:_SAMPLES]
        question = {"kind": "item", "part": "similar"}
    explorer = reverse("admin:explorer")
    models = {"version": asked.get("before", ""), "beside": asked.get("after", "")}
    return {
        "kind": kind,
        "samples": [
            {
                "link": row_link(kind, key),
                "part": {"url": f"{explorer}?{urlencode({**question, 'ids': key, **models})}"},
            }
            for key in keys
        ],
    }


def _ids(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))[:_SAMPLES]
