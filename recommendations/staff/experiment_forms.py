"""The forms that start an experiment, of two variants, and end one.

Any other experiment is set up in the form of its placement.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from core.validation import InvalidInputError, validate
from recommendations.attribution import LONGEST_VARIANT
from recommendations.placements import Experiment, Variant
from recommendations.staff.placement_forms import RECOMMENDER_CHOICES
from recommendations.staff.placement_texts import own_settings

CONTROL, OTHER = "control", "other"
_NONE_FREE = "There is none that runs no experiment: add a placement, or end an experiment first."


class StartForm(forms.Form):
    """Where, under which name, and what a share of the users sees instead."""

    placement = forms.ChoiceField(help_text="One that runs no experiment.")
    name = forms.CharField(
        max_length=LONGEST_VARIANT,
        help_text="Under another name users are dealt anew. Lower-case letters, digits, - and _.",
    )
    recommender = forms.ChoiceField(
        label="Others see",
        choices=RECOMMENDER_CHOICES,
        help_text=(
            "In place of what the placement shows. For other filters, rules or more variants "
            "edit the placement."
        ),
    )
    share = forms.IntegerField(
        label="Share in percent", min_value=1, max_value=99, initial=50,
        help_text="Of the users, who see the other variant; the rest see the placement as it is.",
    )  # fmt: skip

    def __init__(self, data: Mapping[str, Any] | None, *, placements: Sequence[str]) -> None:
        super().__init__(data)
        self.fields["placement"].choices = [(name, name) for name in placements]
        if not placements:
            self.fields["placement"].help_text = _NONE_FREE

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        share = data["share"]
        try:
            data["experiment"] = validate(
                Experiment,
                {
                    "name": data["name"],
                    "variants": [
                        {"name": CONTROL, "weight": 100 - share},
                        {"name": OTHER, "weight": share, "recommender": data["recommender"]},
                    ],
                },
            )
        except InvalidInputError as error:
            for field, texts in error.details.items():
                self.add_error(field if field in self.fields else None, texts)
        return data


class AdoptForm(forms.Form):
    """Which variant the placement becomes."""

    variant = forms.ChoiceField()

    def __init__(self, data: Mapping[str, Any] | None, *, experiment: Experiment) -> None:
        super().__init__(data)
        self.fields["variant"].choices = [
            (variant.name, f"{variant.name}: {describe(variant)}")
            for variant in experiment.variants
        ]


def describe(variant: Variant) -> str:
    """Return what a variant sets in place of the placement's own, in a few words."""
    return ", ".join(own_settings(variant)) or "as the placement is"
