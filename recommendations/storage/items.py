"""The catalogue: products, and the terms they are found by."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from pynamodb.expressions.condition import Condition

from core.dynamodb.attributes import DecimalAttribute
from core.dynamodb.batch import Delete, Get, Put, Write, read_batch, write_all
from core.dynamodb.conditions import save_if
from core.dynamodb.inserts import insert_new
from core.validation import from_iso, to_iso
from recommendations.entities import Item
from recommendations.models import ItemRow, TermRow
from recommendations.storage import availability
from recommendations.storage.terms import ADDED, Term, dated, state_name, terms_of

# As it was stored before it was text.
_numeric_price = DecimalAttribute(attr_name="price")


def _to_row(item: Item) -> ItemRow:
    return ItemRow(
        item.item_id,
        shard=state_name(available=item.available),
        name=item.name,
        categories=list(item.categories) or None,
        price=item.price,
        currency=item.currency,
        available=item.available,
        image_url=item.image_url,
        url=item.url,
        labels=list(item.labels) or None,
        attributes=item.attributes or None,
        published_at=None if item.published_at is None else to_iso(item.published_at),
    )


def from_row(row: ItemRow) -> Item:
    return Item(
        item_id=row.item_id,
        name=row.name,
        categories=tuple(row.categories or ()),
        price=row.price,
        currency=row.currency,
        available=row.available,
        image_url=row.image_url,
        url=row.url,
        labels=tuple(row.labels or ()),
        attributes=row.attributes or {},
        published_at=None if row.published_at is None else from_iso(row.published_at),
    )


def _stored(item_ids: Iterable[str], *, consistent: bool = False) -> dict[str, ItemRow]:
    rows = read_batch(
        [Get(ItemRow, item_id) for item_id in dict.fromkeys(item_ids)], consistent=consistent
    )
    return {row.item_id: row for row in rows if isinstance(row, ItemRow)}


def save(items: Sequence[Item]) -> set[str]:
    """Create or replace products; of two with one id the later one counts.

    Returns the ids of those that were replaced.

    A product that is no longer available is hidden from all lists before its row is written, and
    one that is available again appears after it.

    Raises
    ------
    BatchIncompleteError
        With the rows that DynamoDB did not take.
    """
    wanted = {item.item_id: item for item in items}
    before = _stored(wanted, consistent=True)
    shown = {item_id for item_id, item in wanted.items() if item.available}
    hidden = {item_id for item_id in wanted.keys() - shown if _is_shown(before.get(item_id))}
    fresh: list[Write] = []
    stale: list[Write] = []
    for item_id, item in wanted.items():
        old = _old_terms(before.get(item_id))
        new = terms_of(item)
        fresh += _term_rows(item_id, new - old)
        if not _is_known(before.get(item_id)):
            fresh += _term_rows(item_id, [dated(ADDED, item_id, datetime.now(UTC))])
        stale += [Delete(TermRow, term, entry) for term, entry in old - new]
    with availability.hiding(hidden):
        write_all(fresh)
        write_all(stale)
        # Last, so that a retry after a failure still knows which terms the old row had.
        write_all(Put(_to_row(item)) for item in wanted.values())
    availability.show(shown)
    return {item_id for item_id in wanted if _is_known(before.get(item_id))}


def _is_known(row: ItemRow | None) -> bool:
    return row is not None and not row.deleted


def _is_shown(row: ItemRow | None) -> bool:
    # An id that only events have named so far may be in lists as well.
    return row is None or (row.available and not row.deleted)


def replace(old: Item, new: Item) -> bool:
    """Store a product if it still is as it was read; return whether it was.

    What a refused try has left in the directory of terms does no harm: readers compare what they
    find there with the product.
    """
    hidden = {new.item_id} if old.available and not new.available else set()
    with availability.hiding(hidden):
        write_all(_term_rows(new.item_id, terms_of(new) - terms_of(old)))
        if not save_if(_to_row(new), _is_still(old)):
            return False
    write_all(Delete(TermRow, term, entry) for term, entry in terms_of(old) - terms_of(new))
    if new.available:
        availability.show({new.item_id})
    return True


def _is_still(item: Item) -> Condition:
    was = _to_row(item)
    unchanged = ItemRow.deleted.does_not_exist()
    for name in ItemRow.get_attributes():
        attribute, value = getattr(ItemRow, name), getattr(was, name)
        same = attribute.does_not_exist() if value is None else attribute == value
        if name == "price" and value is not None:
            same |= value == _numeric_price
        unchanged &= same
    return unchanged


def insert_missing(item_ids: Collection[str]) -> None:
    """Store a bare product, named by its id, for each id that the catalogue never had.

    What is there already, a tombstone too, is never overwritten.
    """
    known = _stored(item_ids).keys()
    bare = [Item(item_id=item_id, name=item_id) for item_id in sorted(set(item_ids) - known)]
    # Any product has these terms, whoever comes first.
    now = datetime.now(UTC)
    write_all(
        row
        for item in bare
        for row in _term_rows(item.item_id, terms_of(item) | {dated(ADDED, item.item_id, now)})
    )
    insert_new([_to_row(item) for item in bare])


def _term_rows(item_id: str, terms: Iterable[Term]) -> list[Write]:
    return [Put(TermRow(term, entry, item_id=item_id)) for term, entry in terms]


def _old_terms(row: ItemRow | None) -> set[Term]:
    return terms_of(from_row(row)) if row is not None and _is_known(row) else set()


def load(item_id: str) -> Item | None:
    """Return a product as it is stored at this moment, or None."""
    row = ItemRow.load(item_id, consistent=True)
    return None if row is None or row.deleted else from_row(row)


def find(item_ids: Collection[str]) -> dict[str, Item]:
    """Return the products with these ids, but for unknown and deleted ones."""
    return {item_id: from_row(row) for item_id, row in _stored(item_ids).items() if not row.deleted}


def delete(*, item_id: str) -> bool:
    """Delete a product and hide it from all lists; tell whether it was there."""
    row = ItemRow.load(item_id, consistent=True)
    if row is None or row.deleted:
        return False
    tombstone = ItemRow(item_id, name=item_id, available=False, deleted=True)
    writes: list[Write] = [Put(tombstone)]
    writes += [Delete(TermRow, term, entry) for term, entry in _old_terms(row)]
    with availability.hiding({item_id} if row.available else ()):
        write_all(writes)
    return True


def everything() -> Iterator[Item]:
    """Yield all products, hidden ones last; one page of DynamoDB's is in memory at a time."""
    for available in (True, False):
        yield from map(from_row, ItemRow.directory.query(state_name(available=available)))
