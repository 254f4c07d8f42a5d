"""What comes in from outside, checked once: field types, limits, and errors that say what to do.

Entities are msgspec structs. One declaration validates API bodies, imported rows and the OpenAPI
schema alike.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec.inspect import (
    CollectionType,
    DictType,
    LiteralType,
    Metadata,
    StructType,
    Type,
    UnionType,
    type_info,
)

ID_PATTERN = r"^[^#\u0000-\u001f\u007f-\u009f\u2028\u2029]+$(?!\n)"
_LABEL_PATTERN = r"^[^\u0000-\u001f]+$(?!\n)"
# Blanks and control characters by their codes: not every tool means the same by \s.
_WEB_ADDRESS_PATTERN = (
    r"^https?://[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000<>\"]+$"
    r"(?!\n)"
)
# What to do, rather than the expression that did not match.
_FORMS = {
    repr(ID_PATTERN): "Leave out control characters and '#'",
    repr(_LABEL_PATTERN): "Leave out control characters",
    repr(_WEB_ADDRESS_PATTERN): "Give an address that starts with http:// or https://",
}
_OTHER_FORM = "This does not have the form that is expected here"
_LONGEST_NAME = 200
_T = TypeVar("_T")
_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$", re.DOTALL)
_KEY_PATH = re.compile(r" - at `key` in `\$(?P<path>[^`]*)`$", re.DOTALL)
_PART = re.compile(r"[^.\[\]]+")
_UNKNOWN_FIELD = re.compile(r"^Object contains unknown field `(?P<field>.*)`$", re.DOTALL)
_MISSING_FIELD = re.compile(r"^Object missing required field `(?P<field>.*)`$", re.DOTALL)

Id = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=128,
        pattern=ID_PATTERN,
        description="The shop's own id: 1 to 128 characters, no control characters, no '#'.",
        examples=["85123A"],
    ),
]
Label = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=100, pattern=_LABEL_PATTERN, examples=["new"]),
]
Labels = Annotated[tuple[Label, ...], msgspec.Meta(max_length=50)]
Text = Annotated[str, msgspec.Meta(max_length=500)]
WebAddress = Annotated[
    str,
    msgspec.Meta(
        max_length=2000,
        pattern=_WEB_ADDRESS_PATTERN,
        examples=["https://shop.example/85123A"],
    ),
]
Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
_MAX_PRICE = 10**12
_PRICE_DECIMALS = 6
Price = Annotated[
    Decimal,
    msgspec.Meta(
        description="At least 0 and below 10^12, best as text; rounded to 6 decimals.",
        extra_json_schema={
            "pattern": r"^[0-9]{1,12}(\.[0-9]{1,20})?$(?!\n)",
            "minimum": 0,
            "exclusiveMaximum": _MAX_PRICE,
        },
        examples=["2.55"],
    ),
]
AttributeName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
AttributeValue = (
    Annotated[str, msgspec.Meta(max_length=1000)]
    | Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
    | float
    | bool
    | None
)
Attributes = Annotated[dict[AttributeName, AttributeValue], msgspec.Meta(max_length=50)]


def checked_price(price: Decimal) -> Decimal:
    """Return a price with at most six decimals.

    Raises
    ------
    ValueError
        When it is negative, too large, or not a number.
    """
    # Compared without arithmetic, which overflows for the exponents that text may have.
    if not price.is_finite() or not 0 <= price < _MAX_PRICE:
        message = "a price must be a number of at least 0 and below 10^12"
        raise ValueError(message)
    if price.as_tuple().exponent in range(-_PRICE_DECIMALS, 1):
        return abs(price)
    # What has an exponent is rewritten: zero may have any, and DynamoDB cannot hold them all.
    rounded = abs(price).quantize(Decimal(1).scaleb(-_PRICE_DECIMALS))
    if rounded >= _MAX_PRICE:
        message = "a price must be below 10^12"
        raise ValueError(message)
    return rounded


class InvalidInputError(ValueError):
    """Input that cannot be accepted as it is.

    Attributes
    ----------
    details
        What is wrong, by field; ``""`` stands for the whole.
    """

    def __init__(self, details: Mapping[str, list[str]]) -> None:
        self.details = dict(details)
        super().__init__(
            "; ".join(f"{field or 'input'}: {' '.join(texts)}" for field, texts in details.items())
        )


def validate(kind: type[_T], raw: Any, *, strict: bool = True) -> _T:
    """Turn plain JSON data into a struct.

    ``strict=False`` also reads numbers and booleans from text, as CSV files have them.

    Raises
    ------
    InvalidInputError
        With the field that is wrong and why.
    """
    try:
        return msgspec.convert(raw, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise InvalidInputError(_details(str(error), kind)) from error


def _details(message: str, kind: Any) -> dict[str, list[str]]:
    path = ""
    if match := _KEY_PATH.search(message) or _PATH.search(message):
        path = match["path"].lstrip(".")
        message = message[: match.start()]
    prefix = f"{path}." if path else ""
    if match := _UNKNOWN_FIELD.match(message):
        return {_shortened(f"{prefix}{match['field']}"): ["This field is not known; remove it."]}
    if match := _MISSING_FIELD.match(message):
        return {f"{prefix}{match['field']}": ["This field is required."]}
    if message.startswith("Expected `str` matching regex"):
        message = _FORMS.get(message.partition("regex ")[2], _OTHER_FORM)
    if message.startswith("Invalid enum value") and (choices := _choices(kind, path)):
        message = f"Give one of: {', '.join(choices)}"
    return {path: [message if message.endswith(".") else f"{message}."]}


# Making this takes longer than all the rest of an error.
_type_info = lru_cache(maxsize=200)(type_info)


def _choices(kind: Any, path: str) -> list[str]:
    """Return the values that a type allows at a path such as ``items[0].type``; else none."""
    found = [_type_info(kind)]
    for part in _PART.findall(path):
        below: list[Any] = []
        for each in _plain(found):
            if isinstance(each, StructType):
                below += [field.type for field in each.fields if field.encode_name == part]
            elif isinstance(each, DictType):
                below.append(each.value_type)
            elif isinstance(each, CollectionType):
                below.append(each.item_type)
        found = below
    return [
        str(value)
        for each in _plain(found)
        if isinstance(each, LiteralType)
        for value in each.values
    ]


def _plain(types: Iterable[Type]) -> Iterator[Type]:
    """Yield the types without what is said about them, and alternatives each by itself."""
    for each in types:
        if isinstance(each, Metadata):
            yield from _plain([each.type])
        elif isinstance(each, UnionType):
            yield from _plain(each.types)
        else:
            yield each


def _shortened(field: str) -> str:
    # A name that somebody else chose, of any length, must not fill our answer.
    return field if len(field) <= _LONGEST_NAME else f"{field[:_LONGEST_NAME]}…"


def check_moment(name: str, moment: datetime | None) -> None:
    """Refuse a time at the very ends of the calendar, which may not exist in UTC.

    Raises
    ------
    ValueError
        For a struct's ``__post_init__``, which msgspec turns into a validation error.
    """
    if moment is not None and not MINYEAR < moment.year < MAXYEAR:
        message = f"`{name}` must lie between the years {MINYEAR + 1} and {MAXYEAR - 1}"
        raise ValueError(message)


def to_iso(moment: datetime) -> str:
    """Return a moment in UTC as ISO 8601, with fractions of a second only where there are any."""
    text = moment.astimezone(UTC).isoformat().replace("+00:00", "")
    return f"{text}Z"


def to_key(moment: datetime) -> str:
    """Return a moment in UTC in a fixed width, so that text order is time order."""
    # Not strftime, which takes four times as long: each stored event has three of these.
    return f"{moment.astimezone(UTC).isoformat(timespec='microseconds')[:-6]}Z"


def from_iso(text: str) -> datetime:
    """Read back what `to_iso` or `to_key` wrote."""
    return datetime.fromisoformat(text)
