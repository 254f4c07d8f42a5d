"""What staff fill in about users and products; the entities check it."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from django import forms

from core.validation import validate

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class WordsField(forms.CharField):
    """Several words or names in one field, with commas between them."""

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else ", ".join(value)

    def clean(self, value: Any) -> list[str]:
        return [part.strip() for part in super().clean(value).split(",") if part.strip()]


class CustomerForm(forms.Form):
    """What is known of a user."""

    name = forms.CharField(required=False, max_length=500)
    email = forms.CharField(label="E-mail", required=False, max_length=254)
    labels = WordsField(required=False, help_text="With commas between them.")


class ItemForm(forms.Form):
    """A product of the catalogue."""

    name = forms.CharField(max_length=500)
    price = forms.CharField(required=False, max_length=20, help_text="Like 12.75.")
    currency = forms.CharField(required=False, max_length=3, help_text="Three letters, like GBP.")
    categories = WordsField(required=False, help_text="With commas between them.")
    labels = WordsField(required=False, help_text="With commas between them.")
    url = forms.CharField(label="Page in the shop", required=False, max_length=2000)
    image_url = forms.CharField(label="Picture", required=False, max_length=2000)


class NewItemForm(ItemForm):
    """A product that the catalogue does not have yet."""

    item_id = forms.CharField(label="Id", max_length=128)
    field_order = ("item_id",)


class TypedForm(forms.Form):
    """A confirmation that nobody gives by accident."""

    typed = forms.CharField(label="Id", widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, data: Mapping[str, Any] | None, *, expected: str) -> None:
        super().__init__(data)
        self._expected = expected
        self.fields["typed"].help_text = f"Type {expected} to confirm."

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self._expected:
            message = f"This is not {self._expected}."
            raise forms.ValidationError(message)
        return typed


def initial(struct: msgspec.Struct) -> dict[str, Any]:
    """Return what a form starts from."""
    values: dict[str, Any] = msgspec.to_builtins(struct)
    return values


def changed(struct: _Struct, data: Mapping[str, Any]) -> _Struct:
    """Return a struct with the fields of a form; what the form does not have stays.

    Raises
    ------
    InvalidInputError
        With the fields that are wrong.
    """
    fields = {name: value or None for name, value in data.items() if not isinstance(value, list)}
    lists = {name: value for name, value in data.items() if isinstance(value, list)}
    return validate(type(struct), {**initial(struct), **fields, **lists})


def difference(
    before: msgspec.Struct, after: msgspec.Struct
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields that differ, before and after, for the audit."""
    old, new = initial(before), initial(after)
    names = [name for name in new if old.get(name) != new[name]]
    return {name: old.get(name) for name in names}, {name: new[name] for name in names}
