"""Recombee's files of interactions, items and users: CSV and JSON Lines, in both spellings."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from core.validation import InvalidInputError
from recommendations.importing.columns import ALIASES, Kind, plain_name
from recommendations.importing.foreign import (
    by_plain_name,
    described,
    moment,
    name_of,
    parsed,
    texts,
)

# The kinds of interactions, as their files are called; a rating says itself what it is.
_TYPES: Mapping[str, str] = {
    "detailview": "view",
    "viewportion": "view",
    "purchase": "purchase",
    "cartaddition": "cart",
    "bookmark": "like",
    "rating": "like",
}
_INTERACTION = {
    "userid": "user_id",
    "itemid": "item_id",
    "sessionid": "session_id",
    "recommid": "recommendation_id",
}
_SIX_DECIMALS = Decimal("0.000001")
_TOO_MUCH = Decimal(10) ** 15


def type_of_file(path: str) -> str | None:
    """Return the type of the events in a file by its name, if that says it."""
    name = plain_name(Path(path).name)
    return next((kind for part, kind in _TYPES.items() if part in name), None)


class Recombee:
    """Translates records, and remembers what of them had no place here."""

    def __init__(self, *, kind: Kind, default_type: str) -> None:
        self._kind = kind
        self._type = default_type
        self.left_out: set[str] = set()
        self._known = {
            plain_name(name): field
            for field, aliases in ALIASES[kind].items()
            for name in (field, *aliases)
        }

    def __call__(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a record as ours.

        Raises
        ------
        InvalidInputError
            When a number is none.
        """
        ours = self._interaction(fields) if self._kind == "events" else self._row(fields)
        return {name: value for name, value in ours.items() if value not in (None, [], {})}

    def _interaction(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        given = by_plain_name(fields)
        ours = {field: given.pop(name, None) for name, field in _INTERACTION.items()}
        ours["timestamp"] = moment(given.pop("timestamp", ""))
        rating = _number(given.pop("rating", None), "rating")
        ours["type"] = self._type if rating is None else _opinion(rating)
        amount = _number(given.pop("amount", None), "amount")
        total = _number(given.pop("price", None), "price")
        if amount is not None and amount >= 1 and amount == int(amount):
            ours["quantity"] = int(amount)
            total = None if total is None else _per_piece(total, int(amount))
        # Of half a metre, one piece is bought for the whole price.
        ours["price"] = None if total is None else format(total, "f")
        self.left_out.update(given)
        return ours

    def _row(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        ours: dict[str, Any] = {}
        properties: dict[str, Any] = {}
        for name, value in fields.items():
            field = self._known.get(plain_name(name))
            if field is None or field in ours:
                properties[name] = value
            elif value not in (None, ""):
                ours[field] = self._value(field, value)
        found = described(properties, field="properties", left_out=self.left_out)
        ours["labels"] = [*ours.get("labels", []), *found["labels"]][:50]
        ours["labels"] = list(dict.fromkeys(ours["labels"]))
        if self._kind == "items":
            ours["name"] = name_of(ours.get("name"), otherwise=ours.get("item_id"))
        return {**ours, "attributes": found["attributes"]}

    @staticmethod
    def _value(field: str, value: Any) -> Any:
        if field in {"categories", "labels"}:
            return texts(value)
        if field == "published_at":
            return moment(value)
        if field == "price":
            return str(value)
        if field == "currency":
            return str(value).upper()
        return parsed(value) if field == "available" else value


def _number(value: Any, field: str) -> Decimal | None:
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise InvalidInputError({field: [f"{value} is not a number."]})
    return number


def _opinion(rating: Decimal) -> str:
    """Return the type of event for a rating between -1 and 1; 0 says only that it was seen."""
    if rating == 0:
        return "view"
    return "like" if rating > 0 else "dislike"


def _per_piece(total: Decimal, amount: int) -> Decimal:
    """Return the price of a piece: Recombee keeps the sum."""
    if abs(total) >= _TOO_MUCH:
        return total  # Refused later, with what is wrong about it.
    price = total / amount
    rounded = price.quantize(_SIX_DECIMALS)
    return price if price == rounded else rounded
