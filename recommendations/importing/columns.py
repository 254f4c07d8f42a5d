"""Which column of a file holds which field."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["events", "items", "users"]

# The names are compared without case, spaces and punctuation.
ALIASES: dict[Kind, dict[str, tuple[str, ...]]] = {
    "events": {
        "event_id": ("id", "event"),
        "user_id": ("user", "customer", "customer_id", "customer_number", "client_id"),
        "session_id": ("session", "visitor_id", "anonymous_id"),
        "type": ("event_type", "action", "kind"),
        "timestamp": ("time", "date", "datetime", "event_time", "created_at", "occurred_at",
                      "order_date", "invoice_date"),
        "order_id": ("order", "order_number", "order_no", "invoice", "invoice_no",
                     "invoice_number", "transaction_id"),
        "recommendation_id": (),
        "item_id": ("item", "product", "product_id", "sku", "stock_code", "article", "article_id"),
        "quantity": ("qty", "count", "units", "pieces"),
        "price": ("unit_price", "item_price"),
    },
    "items": {
        "item_id": ("id", "item", "product_id", "sku", "stock_code", "article_id"),
        "name": ("title", "product_name", "description"),
        "categories": ("category", "product_type"),
        "price": ("unit_price", "list_price"),
        "currency": ("currency_code",),
        "available": ("in_stock", "active"),
        "image_url": ("image", "image_link", "picture"),
        "url": ("link", "product_url"),
        "labels": ("tags",),
        "published_at": ("published", "release_date", "date_added"),
    },
    "users": {
        "user_id": ("id", "user", "customer", "customer_id", "customer_number", "client_id"),
        "email": ("email_address", "mail"),
        "name": ("full_name", "customer_name"),
        "labels": ("tags", "segments"),
    },
}  # fmt: skip
REQUIRED: dict[Kind, tuple[tuple[str, ...], ...]] = {
    "events": (("item_id",), ("user_id", "session_id"), ("timestamp",)),
    "items": (("item_id",), ("name",)),
    "users": (("user_id",),),
}
ATTRIBUTE_PREFIX = "attributes."


class ColumnsError(Exception):
    """The columns of a file do not fit; the message says which, and how to name them."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field is.

    Attributes
    ----------
    fields
        The field of each column, in order; None for a column that is not used.
    unused
        The names of the columns that are not used.
    """

    fields: tuple[str | None, ...]
    unused: tuple[str, ...]


def plain_name(name: str) -> str:
    """Return a name without case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", name).lower()


def parse_map(pairs: Sequence[str], *, kind: Kind) -> dict[str, str]:
    """Read ``field=column`` pairs; return the field by column.

    Raises
    ------
    ColumnsError
        When a pair has no ``=``, or names a field that does not exist.
    """
    fields: dict[str, str] = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not equals or not column:
            message = f"--map {pair}: write it as field=column, for example user_id=Customer"
            raise ColumnsError(message)
        if field not in ALIASES[kind] and not _is_attribute(field, kind):
            message = f"--map {pair}: there is no field {field!r}; {_known(kind)}"
            raise ColumnsError(message)
        if column in fields:
            message = f"--map {pair}: the column {column!r} is mapped twice"
            raise ColumnsError(message)
        fields[column] = field
    return fields


def split_types(
    pairs: Sequence[str], *, kind: Kind, types: Collection[str]
) -> tuple[dict[str, str], list[str]]:
    """Split pairs into names of event types, as in ``share=like``, and those that are for columns.

    Returns
    -------
    tuple
        Our type by the plain name of the file's, and the other pairs.
    """
    named: dict[str, str] = {}
    others: list[str] = []
    for pair in pairs:
        name, _, event_type = pair.partition("=")
        if kind == "events" and name not in ALIASES[kind] and event_type in types:
            named[plain_name(name)] = event_type
        else:
            others.append(pair)
    return named, others


def _is_attribute(field: str, kind: Kind) -> bool:
    return kind != "events" and field.startswith(ATTRIBUTE_PREFIX)


def _known(kind: Kind) -> str:
    return f"there are: {', '.join(ALIASES[kind])}"


def match(
    header: Sequence[str],
    *,
    kind: Kind,
    mapped: Mapping[str, str],
    ignored: Collection[str] = (),
) -> Columns:
    """Find the field of each column of a CSV header; of those to be ignored, none.

    Raises
    ------
    ColumnsError
        When a mapped column is missing, two columns are for one field, or a field that every
        row needs has no column.
    """
    names = [name.strip() for name in header]
    for column in mapped:
        if column not in names:
            message = f"there is no column {column!r}; the file has: {', '.join(names)}"
            raise ColumnsError(message)
    fields = guess(names, kind=kind, mapped=mapped, ignored=ignored)
    _check(names, fields, kind=kind)
    unused = tuple(name for name, field in zip(names, fields, strict=True) if field is None)
    return Columns(fields=tuple(fields), unused=unused)


def guess(
    names: Sequence[str],
    *,
    kind: Kind,
    mapped: Mapping[str, str] | None = None,
    ignored: Collection[str] = (),
) -> list[str | None]:
    """Return the field that each column seems to hold; several may seem to hold the same."""
    mapped = mapped or {}
    known = {
        plain_name(name): field
        for field, aliases in ALIASES[kind].items()
        for name in (field, *aliases)
    }
    # A field's own name goes before its aliases, so that `id` beside `item_id` does no harm.
    own = {plain_name(field) for field in ALIASES[kind]}
    taken = {
        *mapped.values(),
        *(
            known[plain_name(name)]
            for name in names
            if plain_name(name) in own and name not in ignored
        ),
    }
    fields: list[str | None] = []
    for name in names:
        if name in ignored:
            fields.append(None)
            continue
        field = mapped.get(name)
        if field is None and _is_attribute(name, kind):
            field = name
        elif field is None and (candidate := known.get(plain_name(name))) is not None:
            is_own = plain_name(name) == plain_name(candidate) and candidate not in mapped.values()
            if is_own or candidate not in taken:
                field = candidate
        fields.append(field)
    return fields


def _check(names: Sequence[str], fields: Sequence[str | None], *, kind: Kind) -> None:
    for field in {field for field in fields if field is not None and fields.count(field) > 1}:
        columns = [name for name, of in zip(names, fields, strict=True) if of == field]
        message = (
            f"{' and '.join(columns)} are both {field}; say which with --map {field}={columns[0]}"
        )
        raise ColumnsError(message)
    for choices in REQUIRED[kind]:
        if not set(choices) & set(fields):
            message = (
                f"no column for {' or '.join(choices)} among {', '.join(names) or 'none'}; "
                f"name it with --map {choices[0]}=COLUMN"
            )
            raise ColumnsError(message)
