"""The catalogue of products."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from core.dynamodb.errors import BatchIncompleteError
from core.pages import Page
from recommendations.entities import Item
from recommendations.storage import item_search
from recommendations.storage import items as storage
from recommendations.storage.item_search import MAX_READS

_TRIES = 10


def save(*, items: Sequence[Item]) -> set[str]:
    """Create or replace products; return the ids of those that were replaced.

    Raises
    ------
    BatchIncompleteError
        When DynamoDB refused part of the rows past the last retry. Saving all again is safe.
    """
    return storage.save(items)


def change(*, item_id: str, edit: Callable[[Item], Item]) -> Item | None:
    """Replace a product by what ``edit`` makes of it, undoing nobody else's change.

    Returns what is stored now; None when there is no such product.

    Raises
    ------
    BatchIncompleteError
        When others changed the product at every try.
    """
    for _ in range(_TRIES):
        old = storage.load(item_id)
        if old is None:
            return None
        new = edit(old)
        if storage.replace(old, new):
            return new
    raise BatchIncompleteError([item_id])


def ensure(*, item_ids: Collection[str]) -> None:
    """Create a bare product, named by its id, for each id that the catalogue never had."""
    storage.insert_missing(item_ids)


def find(*, item_id: str) -> Item | None:
    """Return one product, or None."""
    return storage.find([item_id]).get(item_id)


def find_many(*, item_ids: Collection[str]) -> dict[str, Item]:
    """Return products by id, in one round trip per 100; unknown ids are left out."""
    return storage.find(item_ids)


def everything() -> Iterator[Item]:
    """Yield all products in no particular order, with bounded memory: for exports."""
    return storage.everything()


def delete(*, item_id: str) -> bool:
    """Delete a product and take it out of every list; tell whether it was there."""
    return storage.delete(item_id=item_id)


def listing(
    *,
    prefix: str = "",
    category: str | None = None,
    label: str | None = None,
    available: bool | None = None,
    limit: int,
    position: Any = None,
    reads: int = MAX_READS,
) -> Page[Item]:
    """Return products in order of id; with category and label of at most so many reads."""
    if category is not None or label is not None:
        return item_search.narrowed(
            category=category,
            label=label,
            prefix=prefix,
            available=available,
            limit=limit,
            position=position,
            reads=reads,
        )
    return item_search.listing(prefix=prefix, available=available, limit=limit, position=position)


def search(
    *,
    text: str,
    category: str | None = None,
    label: str | None = None,
    available: bool | None = None,
    limit: int,
    position: Any = None,
    reads: int = MAX_READS,
) -> Page[Item]:
    """Return products whose id or name begins with, or has words that begin with, the text.

    After so many reads, of 100 rows each, it returns what it has found and where to go on.
    """
    return item_search.search(
        text=text,
        category=category,
        label=label,
        available=available,
        limit=limit,
        position=position,
        reads=reads,
    )
