"""What staff say about a file: which column holds which field."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args
from zoneinfo import available_timezones

from django import forms

from core.validation import validate
from recommendations.entities import EVENT_TYPES
from recommendations.importing import Kind, SourceError, System
from recommendations.importing.columns import ATTRIBUTE_PREFIX, REQUIRED
from recommendations.importing.parameters import PROBLEM, ImportParameters, zone
from recommendations.importing.sample import Sample
from recommendations.staff.cells import EVENT_LABELS

KINDS = {"events": "Events", "items": "Items", "users": "Users"}
SYSTEMS = {"": "A file of one’s own", "gorse": "Gorse", "recombee": "Recombee"}
_LEFT_OUT = "-"
# Where the name of a field alone does not say it.
_FIELDS = {
    "type": "type of the event",
    "timestamp": "time",
    "items": "lines of the event (items)",
    "price": "price per piece",
    "url": "page in the shop",
    "image_url": "picture",
    "recommendation_id": "recommendation that led to it",
}


def field_label(field: str) -> str:
    """Return what a reader calls a field."""
    return _FIELDS.get(field, field.replace("_", " "))


class FileForm(forms.Form):
    """What a file holds, and whose it is."""

    kind = forms.ChoiceField(label="The file holds", choices=list(KINDS.items()))
    system = forms.ChoiceField(label="It comes from", choices=list(SYSTEMS.items()), required=False)


class MappingForm(forms.Form):
    """The field of each column, and how to read what the file does not say.

    Parameters
    ----------
    sample
        The beginning of the file.
    kind, system
        What it holds, and whose it is.
    told
        What was said before about the same file.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        sample: Sample,
        kind: Kind,
        system: System | None,
        told: ImportParameters | None,
    ) -> None:
        super().__init__(data)
        self.sample, self.kind, self.system = sample, kind, system
        self._types: dict[str, str] = {}
        self._add_columns(told)
        if kind == "events":
            self._add_events(told)

    def _add_columns(self, told: ImportParameters | None) -> None:
        guessed = {} if self.system else self.sample.guess(self.kind)
        fields = [(name, field_label(name)) for name in self.sample.fields(self.kind)]
        for number, column in enumerate(self.sample.columns):
            if self.system:
                first = [("", f"as {SYSTEMS[self.system]} means it"), (_LEFT_OUT, "left out")]
            else:
                first = [(_LEFT_OUT, "left out")]
            attribute = f"{ATTRIBUTE_PREFIX}{column.removeprefix(ATTRIBUTE_PREFIX)}"
            has_attributes = self.sample.format == "csv" and self.kind != "events"
            last = [(attribute, f"attribute “{column}”")] if has_attributes else []
            initial = guessed.get(column, "" if self.system else _LEFT_OUT)
            if told is not None:
                left = _LEFT_OUT if not self.system or column in told.ignored else ""
                initial = told.columns.get(column, left)
            if column == PROBLEM:
                initial = _LEFT_OUT
            self.fields[f"column_{number}"] = forms.ChoiceField(
                label=column,
                required=False,
                choices=[*first, *fields, *last],
                initial=initial,
            )

    def _add_events(self, told: ImportParameters | None) -> None:
        kinds = [(kind, EVENT_LABELS[kind]) for kind in EVENT_TYPES]
        self.fields["default_type"] = forms.ChoiceField(
            label="Events that name no type",
            choices=kinds,
            initial=told.default_type if told else "purchase",
            help_text="What an event is if no column says it.",
        )
        self.fields["timezone"] = forms.CharField(
            label="Times without a zone",
            required=False,
            max_length=60,
            initial=(told.timezone if told else "") or "",
            widget=forms.TextInput(attrs={"list": "zones", "placeholder": "like Europe/London"}),
            help_text="Which zone such times are in. Empty: they are refused, not guessed.",
        )
        known = dict(told.types) if told else {}
        column = self._type_column(told)
        found = self.sample.types(column) if column is not None else {}
        if self.system == "gorse":
            # These it knows by itself.
            found = {name: kind for name, kind in found.items() if not kind}
        for number, (name, kind) in enumerate(found.items()):
            self._types[f"type_{number}"] = name
            self.fields[f"type_{number}"] = forms.ChoiceField(
                label=f"“{name}” is",
                required=False,
                choices=[("", "not known: its rows are rejected"), *kinds],
                initial=known.pop(name, kind),
            )
        self.fields["other_types"] = forms.CharField(
            label="Other names of types",
            required=False,
            max_length=1000,
            initial=", ".join(f"{name}={kind}" for name, kind in known.items()),
            widget=forms.TextInput(attrs={"placeholder": "like share=like, bought=purchase"}),
            help_text="Names that stand further down in the file, with commas between them.",
        )

    def _type_column(self, told: ImportParameters | None) -> str | None:
        names = self.sample.columns
        if self.system == "gorse":
            return next((name for name in names if name.lower() == "feedbacktype"), None)
        if self.is_bound:
            chosen = (f"column_{number}" for number in range(len(names)))
            return next(
                (name for name, key in zip(names, chosen, strict=True)
                 if self.data.get(key) == "type"), None,
            )  # fmt: skip
        columns = told.columns if told else self.sample.guess(self.kind)
        return next((name for name, field in columns.items() if field == "type"), None)

    def columns(self) -> Iterator[dict[str, Any]]:
        """Yield each column: its field to choose, and its first values."""
        for number, _ in enumerate(self.sample.columns):
            yield {
                "field": self[f"column_{number}"],
                "values": [row[number] for row in self.sample.rows[:3]],
            }

    def options(self) -> list[Any]:
        """Return the other fields."""
        return [self[name] for name in self.fields if not name.startswith("column_")]

    def clean_timezone(self) -> str | None:
        name: str = self.cleaned_data["timezone"].strip()
        if not name:
            return None
        try:
            zone(name)
        except SourceError as error:
            text = str(error)
            raise forms.ValidationError(f"{text[0].upper()}{text[1:]}.") from error
        return name

    def clean_other_types(self) -> dict[str, str]:
        pairs = [part for part in self.cleaned_data["other_types"].split(",") if part.strip()]
        found = {}
        for pair in pairs:
            name, _, kind = (part.strip() for part in pair.partition("="))
            if not name or kind not in EVENT_TYPES:
                message = (
                    f"Write “{pair.strip()}” as name=type, where the type is one of "
                    f"{', '.join(EVENT_TYPES)}."
                )
                raise forms.ValidationError(message)
            found[name] = kind
        return found

    def clean(self) -> dict[str, Any]:
        chosen = self._chosen()
        fields = list(chosen.values())
        for number, column in enumerate(self.sample.columns):
            field = chosen.get(column)
            if field is not None and fields.count(field) > 1:
                message = f"Several columns are the {field_label(field)}; leave all but one out."
                self.add_error(f"column_{number}", message)
        if not self.system:
            missing = [
                " or ".join(map(field_label, choices))
                for choices in self._required()
                if not set(choices) & set(fields)
            ]
            if missing:
                message = f"Say which column is the {'; which is the '.join(missing)}."
                self.add_error(None, message)
        return self.cleaned_data

    def _required(self) -> list[tuple[str, ...]]:
        in_lines = self.sample.format == "jsonl" and self.kind == "events"
        return [
            ("items",) if in_lines and choices == ("item_id",) else choices
            for choices in REQUIRED[self.kind]
        ]

    def _chosen(self) -> dict[str, str]:
        chosen = {
            column: self.cleaned_data.get(f"column_{number}", "")
            for number, column in enumerate(self.sample.columns)
        }
        return {column: field for column, field in chosen.items() if field not in {"", _LEFT_OUT}}

    def parameters(self, *, key: str) -> ImportParameters:
        """Return what was filled in, for a check of the rows.

        Raises
        ------
        InvalidInputError
            With what is wrong.
        """
        data = self.cleaned_data
        chosen = self._chosen()
        left_out = [
            column
            for number, column in enumerate(self.sample.columns)
            if data[f"column_{number}"] == _LEFT_OUT and column != PROBLEM
        ]
        types = {name: data[key] for key, name in self._types.items() if data.get(key)}
        return validate(
            ImportParameters,
            {
                "key": key,
                "kind": self.kind,
                "format": self.sample.format,
                "system": self.system,
                "columns": chosen,
                "ignored": left_out,
                "types": {**types, **data.get("other_types", {})},
                "default_type": data.get("default_type", "purchase"),
                "timezone": data.get("timezone"),
                "dry_run": True,
            },
        )


def zones() -> list[str]:
    """Return the names of time zones, for a list of suggestions."""
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")


def system_of(text: str) -> System | None:
    """Return the system of this name; None for a file of one's own."""
    return next((name for name in get_args(System) if name == text), None)


def kind_of(text: str) -> Kind | None:
    """Return the kind of this name, if it is one."""
    return next((kind for kind in get_args(Kind) if kind == text), None)
