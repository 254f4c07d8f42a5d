"""The shop's settings: what events weigh, how they fade, and which windows count."""

from typing import Any

import msgspec
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from core.staff.base import ToolView
from core.staff.resource import Hint, Panel
from core.validation import InvalidInputError, validate
from recommendations.preferences import Preferences
from recommendations.profiles import Entry
from recommendations.services import preferences as service
from recommendations.services.preferences import PreferencesChangedError
from recommendations.staff import cells

CHANGE = "placements:write"
_SHOWN = 10
_WEIGHTS = ("purchase", "like", "cart", "click", "view", "impression")


class SettingsForm(forms.Form):
    """The settings, and a user for whom to try them."""

    purchase = forms.FloatField()
    like = forms.FloatField()
    cart = forms.FloatField(label="Put in cart")
    click = forms.FloatField()
    view = forms.FloatField()
    impression = forms.FloatField(
        help_text="What one event of a type is worth, from 0 (does not count) to 10.",
    )
    half_life_days = forms.FloatField(
        label="Half-life in days",
        required=False,
        help_text="After so many days an event of a user’s history weighs half. Empty: none fades.",
    )
    trending_days = forms.IntegerField(
        label="Days of trending", help_text="How many days count for the trending list."
    )
    attribution_days = forms.IntegerField(
        label="Days of attribution",
        help_text="For so long after a click a purchase of the same product is owed to it.",
    )
    number = forms.IntegerField(widget=forms.HiddenInput)
    user_id = forms.CharField(
        label="Try with user",
        required=False,
        max_length=128,
        help_text="A user’s id: “Preview” shows this user’s list before and after.",
    )

    def preferences(self) -> Preferences:
        """Return what was filled in.

        Raises
        ------
        InvalidInputError
            With the fields that are wrong.
        """
        data = self.cleaned_data
        raw = {name: data[name] for name in Preferences.__struct_fields__ if name in data}
        return validate(Preferences, {**raw, "weights": {name: data[name] for name in _WEIGHTS}})


def _initial(stored: service.Stored) -> dict[str, Any]:
    values = msgspec.to_builtins(stored.preferences)
    return {**values, **values["weights"], "number": stored.number}


class Settings(ToolView):
    """Shows the settings to whoever may look, and changes them for whoever may."""

    title = "Settings"
    permission = "recommendations:read"

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002  # Django's signature
        return self._page(SettingsForm(initial=_initial(service.find())))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = SettingsForm(request.POST)
        if not form.is_valid():
            return self._page(form, status=400)
        try:
            wanted = form.preferences()
        except InvalidInputError as error:
            for field, texts in error.details.items():
                name = field.rpartition(".")[2]
                form.add_error(name if name in form.fields else None, texts)
            return self._page(form, status=400)
        if "preview" in request.POST:
            return self._preview(form, wanted)
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        by, number = request.user.get_username(), form.cleaned_data["number"]
        try:
            service.change(preferences=wanted, by=by, replaces=number)
        except PreferencesChangedError as error:
            form.add_error(None, f"{error}.")
            return self._page(form, status=409)
        messages.success(request, "Saved. Every list follows at its next request.")
        return HttpResponseRedirect(reverse("admin:settings"))

    def _preview(self, form: SettingsForm, wanted: Preferences) -> HttpResponse:
        user_id = form.cleaned_data["user_id"]
        if not user_id:
            form.add_error("user_id", "Give a user to preview the settings with.")
            return self._page(form, status=400)
        found = service.preview(preferences=wanted, user_id=user_id)
        return self._page(form, panels=_panels(found))

    def _page(
        self, form: SettingsForm, *, panels: tuple[Panel, ...] = (), status: int = 200
    ) -> HttpResponse:
        return self.page(
            "staff/recommendations/settings.html",
            self.title,
            status=status,
            form=form,
            panels=panels,
            may_change=self.request.user.has_perm(CHANGE),
        )


def _panels(found: service.Preview) -> tuple[Panel, ...]:
    known = cells.products(row.item_id for row in (*found.now[:_SHOWN], *found.then[:_SHOWN]))
    before = {row.item_id: place for place, row in enumerate(found.now)}

    def rows(entries: tuple[Entry, ...], *, moved: bool) -> list[dict[str, Any]]:
        return [
            {
                "product": known[row.item_id],
                "move": cells.move(before.get(row.item_id), place) if moved else "",
            }
            for place, row in enumerate(entries[:_SHOWN])
        ]

    hint = Hint("This user has done nothing yet, so no setting changes the list.")
    return tuple(
        Panel(
            title=title,
            template="staff/recommendations/moves.html",
            context={"rows": rows(entries, moved=moved), "hint": hint},
            width="half",
        )
        for title, entries, moved in (
            ("As it is", found.now, False),
            ("With these settings", found.then, True),
        )
    )
