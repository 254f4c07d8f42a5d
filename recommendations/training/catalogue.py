"""What training needs to know of the catalogue."""

from dataclasses import dataclass

from recommendations.engine.text import ItemText
from recommendations.storage import learning


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The products as training sees them.

    Attributes
    ----------
    texts
        Name, categories and labels of each product that is not deleted, by id.
    deleted
        Products that will not come back.
    hidden
        Products that are deleted or not available at the moment.
    unreadable
        How many rows could not be read.
    """

    texts: dict[str, ItemText]
    deleted: frozenset[str]
    hidden: frozenset[str]
    unreadable: int


def read_catalogue() -> Catalogue:
    """Read all products; memory grows with what they are called."""
    texts: dict[str, ItemText] = {}
    deleted: set[str] = set()
    unavailable: set[str] = set()
    unreadable = 0

    def count() -> None:
        nonlocal unreadable
        unreadable += 1

    for product in learning.products(on_unreadable=count):
        item_id = product.text.item_id
        if product.deleted:
            deleted.add(item_id)
            continue
        texts[item_id] = product.text
        if not product.available:
            unavailable.add(item_id)
    return Catalogue(
        texts=texts,
        deleted=frozenset(deleted),
        hidden=frozenset(deleted | unavailable),
        unreadable=unreadable,
    )
