"""Every recommender's answer for a user, a basket or an item, and what two models make of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from core.staff.base import ToolView
from core.staff.resource import Hint, Panel
from recommendations.services import versions
from recommendations.staff import answers
from recommendations.staff.answers import FOR_USERS, OF_MODEL, Question

_LIMIT = 10
_LONGEST_INPUT = 1000
_MOST_IDS = 50
_KINDS = {"user": "A user", "basket": "A basket", "item": "An item"}
_READY = ("trending", "popular", "latest")
_ASKED = {
    "user": FOR_USERS,
    "basket": ("session", *_READY),
    "item": ("similar", "bought_together", *_READY),
}
_LIVE = "the live model"


class QuestionForm(forms.Form):
    """For whom or what to recommend, and by which models."""

    kind = forms.ChoiceField(label="For", choices=list(_KINDS.items()))
    ids = forms.CharField(
        label="Id",
        max_length=_LONGEST_INPUT,
        help_text="A user’s or an item’s id; for a basket several items’ ids, with commas.",
    )
    placement = forms.CharField(required=False, max_length=100)
    version = forms.CharField(label="Model", required=False, max_length=100)
    beside = forms.CharField(label="Beside it", required=False, max_length=100)

    def offer(self, *, placements: Iterable[tuple[str, str]], models: Sequence[str]) -> None:
        """Let the last three be chosen from what there is."""
        names = [(name, name) for name in models]
        for field, choices in (
            ("placement", [("", "–"), *placements]),
            ("version", [("", "Live"), *names]),
            ("beside", [("", "–"), *names]),
        ):
            self.fields[field].widget = forms.Select(choices=choices)


class Explorer(ToolView):
    """What each recommender answers, and why."""

    title = "Explorer"
    permission = "recommendations:read"

    def get(self, request: HttpRequest) -> HttpResponse:
        asked = "ids" in request.GET
        form = QuestionForm(request.GET if asked else None, initial={"kind": "user"})
        is_valid = asked and form.is_valid()
        part = request.GET.get("part")
        if is_valid and part is not None:
            template, data = _answer(form.cleaned_data, part)
            return TemplateResponse(request, template, {"data": data})
        form.offer(
            placements=answers.placement_choices(),
            models=[row.version for row in versions.retained()],
        )
        return self.page(
            "staff/recommendations/explorer.html",
            self.title,
            form=form,
            panels=_panels(form.cleaned_data) if is_valid else [],
            columns="thirds" if is_valid and _is_wide(form.cleaned_data) else "",
        )


def _is_wide(asked: Mapping[str, str]) -> bool:
    return asked["kind"] == "user" and not asked["beside"]


def _panels(asked: Mapping[str, str]) -> list[Panel]:
    names = _ASKED[asked["kind"]]
    if asked["placement"] and answers.is_known(asked["placement"]):
        names = (asked["placement"], *names)
    return [_panel(asked, name) for name in names]


def _panel(asked: Mapping[str, str], name: str) -> Panel:
    query = urlencode({**{key: value for key, value in asked.items() if value}, "part": name})
    width = "third" if _is_wide(asked) else "half"
    return Panel(
        title=answers.label(name),
        template="staff/panels/part.html",
        context={"url": f"{reverse('admin:explorer')}?{query}"},
        width="full" if _is_compared(asked, name) else width,
    )


def _is_compared(asked: Mapping[str, str], name: str) -> bool:
    return bool(asked["beside"]) and (name in OF_MODEL or name not in _ASKED[asked["kind"]])


def _answer(asked: Mapping[str, str], name: str) -> tuple[str, Mapping[str, Any]]:
    if name not in {*_ASKED[asked["kind"]], asked["placement"]} or not answers.is_known(name):
        message = f"There is no recommender called “{name}” here."
        raise Http404(message)
    ids = [part.strip() for part in asked["ids"].split(",") if part.strip()][:_MOST_IDS]
    if not ids:
        return answers.LIST_TEMPLATE, {"rows": [], "hint": Hint("Give at least one id.")}

    def question(version: str) -> Question:
        return Question(
            name=name,
            user_id=ids[0] if asked["kind"] == "user" else None,
            item_ids=() if asked["kind"] == "user" else tuple(ids),
            version=version or None,
            limit=_LIMIT,
        )

    if not _is_compared(asked, name):
        return answers.answered(question(asked["version"]))
    models = (asked["version"], asked["beside"])
    titles = [f"By {version or _LIVE}" for version in models]
    return answers.compared([question(version) for version in models], titles)
