"""The form of a placement: rows of rules that a shop fills in, or all of it as JSON."""

import csv
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django import forms

from core.validation import InvalidInputError, validate
from recommendations.attribution import RECOMMENDERS
from recommendations.placements import Placement

RECOMMENDER_LABELS = {
    "personal": "Personal",
    "similar": "Similar to the item",
    "bought_together": "Bought together with the item",
    "session": "Goes with the basket",
    "buy_again": "Buy again",
    "popular": "Popular",
    "trending": "Trending",
    "latest": "Latest",
    "recently_viewed": "Recently viewed",
}
RECOMMENDER_CHOICES = [(name, RECOMMENDER_LABELS[name]) for name in RECOMMENDERS]
_OR_NOTHING = [("", "–"), *RECOMMENDER_CHOICES]
_MATCHES = [
    ("category", "category"),
    ("label", "label"),
    ("item", "item id"),
    ("attribute", "attribute"),
]
_GROUPS = [("category", "category"), ("attribute", "attribute")]
_FALLBACKS = ("fallback_1", "fallback_2", "fallback_3")
_TERMS = ("any", "all", "none")
_ROW = re.compile(r"(?:rules|experiment)\.(?P<rows>\w+)\[(?P<number>\d+)\](?:\.(?P<field>\w+))?")


class ListField(forms.CharField):
    """Several values with commas between them; one that has a comma itself stands in quotes."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str) or value is None:
            return value
        return ", ".join(map(_quoted, value))

    def clean(self, value: Any) -> list[str]:
        rows = csv.reader([super().clean(value)], skipinitialspace=True)
        return [part.strip() for row in rows for part in row if part.strip()]


def _quoted(value: str) -> str:
    return '"{}"'.format(value.replace('"', '""')) if {",", '"'} & set(value) else value


def _values(**options: Any) -> ListField:
    return ListField(required=False, max_length=4000, **options)


class MatchForm(forms.Form):
    """Which products a rule is about."""

    by = forms.ChoiceField(label="Products by", choices=_MATCHES, initial="category")
    attribute = forms.CharField(label="Which attribute", required=False, max_length=100)
    values = _values(label="One of")


class BoostForm(MatchForm):
    """A row of boosts."""

    factor = forms.FloatField(label="Times", required=False)


class PinForm(forms.Form):
    """A row of pins."""

    item_id = forms.CharField(label="Item id", required=False, max_length=128)
    position = forms.IntegerField(required=False)


class CapForm(forms.Form):
    """A row of caps."""

    most = forms.IntegerField(label="At most", required=False)
    by = forms.ChoiceField(label="Of each", choices=_GROUPS, initial="category")
    attribute = forms.CharField(label="Which attribute", required=False, max_length=100)


class VariantForm(forms.Form):
    """A row of an experiment."""

    name = forms.CharField(label="Variant", required=False, max_length=20)
    weight = forms.FloatField(required=False)
    recommender = forms.ChoiceField(label="Shows", choices=_OR_NOTHING, required=False)


class _Rows(forms.BaseFormSet):
    """Rows of one kind; an emptied row is none."""

    title: str
    help: str
    # What a row that means something has filled in.
    telling: Sequence[str]

    def contents(self) -> list[tuple[int, dict[str, Any]]]:
        """Return the rows that are filled in, each with its place in the form."""
        found = []
        for place, form in enumerate(self.forms):
            content = {
                name: value
                for name, value in form.cleaned_data.items()
                if value is not None and value not in ("", [])
            }
            if any(name in content for name in self.telling):
                found.append((place, content))
        return found


def _rows(form: type[forms.Form], title: str, text: str, *telling: str) -> type[_Rows]:
    base = type("Rows", (_Rows,), {"title": title, "help": text, "telling": telling})
    found: type[_Rows] = forms.formset_factory(form, formset=base, extra=1, max_num=50)
    return found


_RULES = {
    "boost": _rows(
        BoostForm,
        "Boost or lower",
        "2 doubles a product’s score, 0.5 halves it. Several rows multiply.",
        "values",
        "factor",
    ),
    "bury": _rows(
        MatchForm,
        "Bury",
        "Below all other products, so only where there is not enough else.",
        "values",
    ),
    "pin": _rows(
        PinForm,
        "Pin",
        "At this position, the first being 1, as long as the product may be shown at all.",
        "item_id",
        "position",
    ),
    "cap": _rows(
        CapForm,
        "At most",
        "So many of each category, or of each value of an attribute such as brand.",
        "most",
    ),
}
_VARIANTS = _rows(
    VariantForm, "Variants", "Users are dealt to them by weight.", "name", "recommender"
)


class PlacementForm(forms.Form):
    """A placement; its rows are in ``rows``, by name.

    Parameters
    ----------
    data
    stored
        What is changed; None for a new one.
    version
        The number of the version that was looked at; 0 for none.
    """

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    name = forms.CharField(
        max_length=40, help_text="Lower-case letters, digits, - and _, like product-page."
    )
    description = forms.CharField(required=False, max_length=500)
    recommender = forms.ChoiceField(label="Shows", choices=RECOMMENDER_CHOICES, initial="personal")
    fallback_1 = forms.ChoiceField(label="Filled up with", choices=_OR_NOTHING, required=False)
    fallback_2 = forms.ChoiceField(label="then with", choices=_OR_NOTHING, required=False)
    fallback_3 = forms.ChoiceField(label="then with", choices=_OR_NOTHING, required=False)
    limit = forms.IntegerField(label="Products", initial=10, help_text="1 to 100.")
    exclude_purchased = forms.BooleanField(
        label="Leave out what the user bought", required=False, initial=True
    )
    categories_any = _values(label="Categories: one of")
    categories_all = _values(label="Categories: all of")
    categories_none = _values(label="Categories: none of")
    labels_any = _values(label="Labels: one of")
    labels_all = _values(label="Labels: all of")
    labels_none = _values(label="Labels: none of")
    price_min = forms.CharField(label="Price from", required=False, max_length=20)
    price_max = forms.CharField(label="Price to", required=False, max_length=20)
    exclude = _values(label="Never these item ids")
    experiment = forms.CharField(
        label="Experiment",
        required=False,
        max_length=20,
        help_text="Its name; empty for none. Another name deals the users anew.",
    )
    json = forms.CharField(
        label="The whole placement",
        required=False,
        widget=forms.Textarea(attrs={"rows": 20, "spellcheck": "false"}),
    )
    use_json = forms.BooleanField(label="Use this JSON in place of the form", required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        stored: Placement | None = None,
        version: int = 0,
        pinned: str = "",
        buried: str = "",
    ) -> None:
        super().__init__(data, initial={"version": version, **_initial(stored)})
        self._stored = stored
        if stored is not None:
            self.fields["name"].disabled = True
        content = msgspec.to_builtins(stored) if stored is not None else {}
        rules = content.get("rules", {})
        starts = {name: list(rules.get(name, ())) for name in _RULES}
        if pinned:
            taken = {pin["position"] for pin in starts["pin"]}
            free = next(number for number in range(1, len(taken) + 2) if number not in taken)
            starts["pin"].append({"item_id": pinned, "position": free})
        if buried:
            starts["bury"].append({"by": "item", "values": [buried]})
        starts["variants"] = list((content.get("experiment") or {}).get("variants", ()))
        self.rows: dict[str, _Rows] = {
            name: kind(data, prefix=name, initial=starts[name])
            for name, kind in {**_RULES, "variants": _VARIANTS}.items()
        }
        self.placement: Placement | None = None

    @property
    def rules(self) -> list[_Rows]:
        """Return the rows of rules, in order."""
        return [self.rows[name] for name in _RULES]

    def is_valid(self) -> bool:
        """Check everything, and make ``placement`` of it."""
        if not super().is_valid() or not all(rows.is_valid() for rows in self.rows.values()):
            return False
        places: dict[str, list[int]] = {}
        try:
            if self.cleaned_data["use_json"]:
                self.placement = self._from_json()
            else:
                self.placement = validate(Placement, self._content(places))
        except InvalidInputError as error:
            self._refuse(error, places)
        return self.placement is not None

    def _from_json(self) -> Placement:
        try:
            body = msgspec.json.decode(self.cleaned_data["json"])
        except msgspec.DecodeError as error:
            raise InvalidInputError({"json": [f"This is not JSON: {error}."]}) from error
        if isinstance(body, dict):
            body = {**body, "name": self.cleaned_data["name"]}
        try:
            return validate(Placement, body)
        except InvalidInputError as error:
            texts = [f"{field}: {text}" for field, found in error.details.items() for text in found]
            raise InvalidInputError({"json": texts}) from error

    def _content(self, places: dict[str, list[int]]) -> dict[str, Any]:
        data = self.cleaned_data
        rows: dict[str, list[dict[str, Any]]] = {}
        for name, found in self.rows.items():
            contents = found.contents()
            places[name] = [place for place, _ in contents]
            rows[name] = [_rule(content) for _, content in contents]
        variants = rows.pop("variants")
        return {
            "name": data["name"],
            "description": data["description"],
            "recommender": data["recommender"],
            "fallbacks": [data[name] for name in _FALLBACKS if data[name]],
            "limit": data["limit"],
            "exclude_purchased": data["exclude_purchased"],
            "filters": {
                "categories": {each: data[f"categories_{each}"] for each in _TERMS},
                "labels": {each: data[f"labels_{each}"] for each in _TERMS},
                "price_min": data["price_min"] or None,
                "price_max": data["price_max"] or None,
                "exclude": data["exclude"],
            },
            "rules": rows,
            "experiment": {
                "name": data["experiment"],
                "variants": [self._with_its_own(variant) for variant in variants],
            }
            if data["experiment"] or variants
            else None,
        }

    def _with_its_own(self, variant: Mapping[str, Any]) -> dict[str, Any]:
        """Add what a variant sets that the form has no field for."""
        stored = self._stored.variant(variant.get("name", "")) if self._stored else None
        own = {} if stored is None else msgspec.to_builtins(stored)
        own.pop("recommender", None)
        return {**own, **variant}

    def _refuse(self, error: InvalidInputError, places: Mapping[str, Sequence[int]]) -> None:
        for path, texts in error.details.items():
            row = _ROW.match(path)
            if row is not None and row["rows"] in self.rows:
                form = self.rows[row["rows"]].forms[places[row["rows"]][int(row["number"])]]
                form.add_error(row["field"] if row["field"] in form.fields else None, texts)
                # So that the page says that there is something to correct.
                self.add_error(None, f"See the row under “{self.rows[row['rows']].title}”.")
            else:
                name = _field(path)
                self.add_error(name if name in self.fields else None, texts)


def _field(path: str) -> str:
    """Return the field of the form that a path in a placement stands for."""
    if path.startswith("fallbacks["):
        return _FALLBACKS[int(path[len("fallbacks[")])]
    parts = re.sub(r"\[.*?\]", "", path).removeprefix("filters.").split(".")
    return "_".join(parts[:2]) if parts[0] in {"categories", "labels"} else parts[0]


def _rule(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without the name of an attribute where it is about something else."""
    skipped = set() if content.get("by") == "attribute" else {"attribute"}
    return {name: value for name, value in content.items() if name not in skipped}


def _initial(stored: Placement | None) -> dict[str, Any]:
    if stored is None:
        return {"fallback_1": "trending", "fallback_2": "popular"}
    content: dict[str, Any] = msgspec.to_builtins(stored, order="deterministic")
    filters = content["filters"]
    text = msgspec.json.encode(stored, order="deterministic")
    return {
        **content,
        **dict(zip(_FALLBACKS, content["fallbacks"], strict=False)),
        **{f"categories_{name}": filters["categories"][name] for name in _TERMS},
        **{f"labels_{name}": filters["labels"][name] for name in _TERMS},
        "price_min": filters["price_min"],
        "price_max": filters["price_max"],
        "exclude": filters["exclude"],
        "experiment": (content["experiment"] or {}).get("name", ""),
        "json": msgspec.json.format(text, indent=2).decode(),
    }
