"""The rows of each kind of export, read one page at a time."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from core.dynamodb.batch import READ_LIMIT, chunks
from recommendations.services import catalogue, events, profiles
from users.services import customers

Kind = Literal["events", "items", "users", "recommendations"]
Row = dict[str, Any]

# What may read each kind; an export is nothing but much reading.
PERMISSIONS: Mapping[Kind, str] = {
    "events": "events:read",
    "items": "catalog:read",
    "users": "users:read",
    "recommendations": "recommendations:read",
}


def rows(kind: Kind) -> Iterator[Row]:
    """Yield the rows of a kind as plain JSON data; what is not set is left out."""
    return _READERS[kind]()


def _plain(struct: msgspec.Struct) -> Row:
    row: Row = msgspec.to_builtins(struct)
    return {name: value for name, value in row.items() if value not in (None, (), {})}


def _recommendations() -> Iterator[Row]:
    for part in chunks(customers.everything(), READ_LIMIT):
        for profile in profiles.stored(user_ids=[customer.user_id for customer in part]):
            yield {
                "user_id": profile.user_id,
                "model_version": profile.stamp.partition("#")[0],
                "results": [
                    {"item_id": entry.item_id, "score": entry.score, "source": entry.source}
                    for entry in profile.entries
                ],
            }


_READERS: Mapping[Kind, Callable[[], Iterator[Row]]] = {
    "events": lambda: map(_plain, events.everything()),
    "items": lambda: map(_plain, catalogue.everything()),
    "users": lambda: map(_plain, customers.everything()),
    "recommendations": _recommendations,
}
