"""Every recommender's answer for a user, a basket or an item, side by side."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from core.staff.base import ToolView
from core.staff.resource import Hint, Panel
from recommendations.services import recommend
from recommendations.staff.answers import (
    LIST_TEMPLATE,
    SIMILAR_TEMPLATE,
    recommendation_list,
    similar_list,
)

_LIMIT = 10
_LONGEST_INPUT = 1000
_KINDS = {"user": "A user", "basket": "A basket", "item": "An item"}
_TITLES = {
    "user": {"personal": "For this user", "trending": "Trending", "popular": "Popular"},
    "basket": {"session": "For this basket", "trending": "Trending", "popular": "Popular"},
    "item": {"similar": "Goes with it", "trending": "Trending", "popular": "Popular"},
}


class QuestionForm(forms.Form):
    """For whom or what to recommend."""

    kind = forms.ChoiceField(label="For", choices=list(_KINDS.items()))
    ids = forms.CharField(
        label="Id",
        max_length=_LONGEST_INPUT,
        help_text="A user’s or an item’s id; for a basket several items’ ids, with commas.",
    )


class Explorer(ToolView):
    """What each recommender answers, and why."""

    title = "Explorer"
    permission = "recommendations:read"

    def get(self, request: HttpRequest) -> HttpResponse:
        asked = "ids" in request.GET
        form = QuestionForm(request.GET if asked else None, initial={"kind": "user"})
        if not asked or not form.is_valid():
            return self._page(form, [])
        kind, ids = form.cleaned_data["kind"], form.cleaned_data["ids"]
        part = request.GET.get("part")
        if part is not None:
            return self._part(request, kind=kind, ids=ids, name=part)
        return self._page(form, [_panel(kind, ids, name) for name in _TITLES[kind]])

    def _page(self, form: QuestionForm, panels: list[Panel]) -> HttpResponse:
        return self.page(
            "staff/recommendations/explorer.html", self.title, form=form, panels=panels
        )

    def _part(self, request: HttpRequest, *, kind: str, ids: str, name: str) -> HttpResponse:
        if name not in _TITLES[kind]:
            message = f"There is no recommender called “{name}” here."
            raise Http404(message)
        template, data = _answer(name, [part.strip() for part in ids.split(",") if part.strip()])
        return TemplateResponse(request, template, {"data": data})


def _panel(kind: str, ids: str, name: str) -> Panel:
    query = urlencode({"kind": kind, "ids": ids, "part": name})
    return Panel(
        title=_TITLES[kind][name],
        template="staff/panels/part.html",
        context={"url": f"{reverse('admin:explorer')}?{query}"},
        width="third",
    )


def _answer(name: str, ids: list[str]) -> tuple[str, Mapping[str, Any]]:
    if not ids:
        return LIST_TEMPLATE, {"rows": [], "hint": Hint("Give at least one id.")}
    answer = recommend.serve(
        recommender=name,
        user_id=ids[0] if name == "personal" else None,
        item_ids=ids if name in {"session", "similar"} else (),
        fallbacks=() if name in {"similar", "trending", "popular"} else recommend.FALLBACKS,
        limit=_LIMIT,
        explain=True,
    )
    if name == "similar":
        return SIMILAR_TEMPLATE, similar_list(answer)
    return LIST_TEMPLATE, recommendation_list(answer, explain=name in {"personal", "session"})
