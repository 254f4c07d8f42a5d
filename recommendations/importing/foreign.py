"""What other systems' files have in common, translated into fields of ours."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from core.validation import InvalidInputError, to_iso
from recommendations.entities import EVENT_TYPES
from recommendations.importing.columns import plain_name

_MAX_LABELS = 50
_LONGEST_LABEL = 100
_LONGEST_ATTRIBUTE = 1000
_LONGEST_NAME = 500
_LIST_SEPARATOR = "|"
# As Go prints a time: 2020-01-01 01:01:01.000000001 +0000 UTC
_GO_TIME = re.compile(r"(\S+) (\d\d:\d\d:\d\d)(\.\d+)? ([+-]\d{4})\b.*")
_FRACTION = re.compile(r"(\.\d{6})\d+")
_ZERO_TIME = "0001-01-01"


def by_plain_name(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that have a value, by their plain names."""
    return {plain_name(name): value for name, value in fields.items() if value not in (None, "")}


def parsed(value: Any) -> Any:
    """Read what a CSV file holds in a cell: JSON, or a list with ``|`` in between."""
    if not isinstance(value, str):
        return value
    if value.startswith(("[", "{", '"')) or value in {"true", "false", "null"}:
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value.split(_LIST_SEPARATOR) if _LIST_SEPARATOR in value else value


def texts(value: Any) -> list[str]:
    """Return a value as a list of texts without empty ones and repeats."""
    value = parsed(value)
    values = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(str(each).strip() for each in values if each not in (None, "")))


def moment(value: Any) -> str | None:
    """Return a time as ISO 8601; None where it stands for no time.

    Takes ISO 8601, seconds since 1970, and what Go prints. A time without a zone is in UTC.
    """
    try:
        value = float(value)
    except (TypeError, ValueError):
        return _from_text(str(value))
    try:
        return to_iso(datetime.fromtimestamp(value, UTC))
    except (ValueError, OverflowError, OSError):
        return str(value)


def _from_text(text: str) -> str | None:
    if text.startswith(_ZERO_TIME):
        return None
    if found := _GO_TIME.fullmatch(text):
        day, time, fraction, zone = found.groups()
        text = f"{day}T{time}{fraction or ''}{zone}"
    text = _FRACTION.sub(r"\1", text)
    try:
        time_found = datetime.fromisoformat(text)
    except ValueError:
        return text  # Refused later, with what is wrong about it.
    return text if time_found.tzinfo is not None else f"{text}Z"


def event_type(name: Any, known: Mapping[str, str], mapped: Mapping[str, str]) -> str:
    """Return our type of event for another system's.

    Raises
    ------
    InvalidInputError
        When it is not known; the message says how to name it.
    """
    key = plain_name(str(name))
    found = mapped.get(key) or known.get(key)
    if found is None:
        message = (
            f"It is not known what `{name}` means here; say which type it is, on the command line "
            f"with --map {name}=TYPE: {', '.join(EVENT_TYPES)}."
        )
        raise InvalidInputError({"type": [message]})
    return found


def name_of(text: Any, *, otherwise: Any) -> Any:
    """Return a name for a list: the beginning of a text, or the id."""
    return str(text)[:_LONGEST_NAME] if text not in (None, "") else otherwise


def described(value: Any, *, field: str, left_out: set[str]) -> dict[str, Any]:
    """Return what describes a row elsewhere as our labels and attributes.

    Words become labels, properties with a name attributes, and named lists of words both. What has
    no place here, as lists of numbers, is named in ``left_out``.
    """
    labels: list[str] = []
    attributes: dict[str, Any] = {}

    def gather(value: Any, path: str) -> None:
        value = parsed(value)
        if isinstance(value, dict):
            for name, each in value.items():
                gather(each, f"{path}.{name}" if path else str(name))
        elif isinstance(value, list):
            if not all(isinstance(each, str) for each in value):
                left_out.add(f"{field}.{path}" if path else field)
                return
            labels.extend(texts(value))
            if path and value:
                attributes[path] = ", ".join(texts(value))
        elif value not in (None, ""):
            if path:
                attributes[path] = value
            else:
                labels.append(str(value))

    gather(value, "")
    return {
        "labels": _short_labels(labels, field, left_out),
        "attributes": _short_values(attributes, field, left_out),
    }


def _short_labels(labels: list[str], field: str, left_out: set[str]) -> list[str]:
    short = list(dict.fromkeys(label for label in labels if len(label) <= _LONGEST_LABEL))
    if len(short) > _MAX_LABELS or any(len(label) > _LONGEST_LABEL for label in labels):
        left_out.add(f"{field} beyond {_MAX_LABELS} or of more than {_LONGEST_LABEL} characters")
    return short[:_MAX_LABELS]


def _short_values(attributes: dict[str, Any], field: str, left_out: set[str]) -> dict[str, Any]:
    too_long = {name for name, value in attributes.items() if len(str(value)) > _LONGEST_ATTRIBUTE}
    left_out |= {
        f"{field}.{name} of more than {_LONGEST_ATTRIBUTE} characters" for name in too_long
    }
    return {name: value for name, value in attributes.items() if name not in too_long}
