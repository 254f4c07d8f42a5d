"""Attribute types that PynamoDB lacks."""

import json
from decimal import Decimal
from typing import Any

from pynamodb import attributes
from pynamodb.attributes import Attribute
from pynamodb.constants import NUMBER, STRING


class JSONAttribute(attributes.JSONAttribute):
    """JSON as compact UTF-8.

    PynamoDB escapes what is not ASCII, which takes up to three times the room: input that is
    within all our limits would pass DynamoDB's limit of a row.
    """

    def serialize(self, value: Any) -> str | None:
        if value is None:
            return None
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class DecimalAttribute(Attribute[Decimal]):
    """A number kept exactly: money must not pass through a float."""

    attr_type = NUMBER

    def serialize(self, value: Any) -> str:
        return str(Decimal(value))

    def deserialize(self, value: Any) -> Decimal:
        return Decimal(value)


class PriceAttribute(Attribute[Decimal]):
    """A price as it was written, with its trailing zeros, which DynamoDB's numbers lose.

    Reads rows from before prices were text, too.
    """

    attr_type = STRING

    def serialize(self, value: Any) -> str:
        return format(Decimal(value), "f")

    def deserialize(self, value: Any) -> Decimal:
        return Decimal(value)

    def get_value(self, value: dict[str, Any]) -> Any:
        return value[NUMBER] if NUMBER in value else super().get_value(value)
