"""The catalogue: products, their directory, and the terms they are found by."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pynamodb.expressions.condition import Condition

from core.dynamodb.attributes import DecimalAttribute
from core.dynamodb.batch import READ_LIMIT, Delete, Get, Put, Write, read_batch, write_all
from core.dynamodb.conditions import save_if
from core.dynamodb.inserts import insert_new
from core.dynamodb.sharded import LAST, NEXT, merge_shards, shard_of
from core.pages import Page, page_of
from core.validation import from_iso, to_iso, to_key
from recommendations.entities import Item
from recommendations.models import ItemRow, TermRow
from recommendations.storage import availability

_SHARDS = 2
# Products in order of time; a whole catalogue may come in at once.
_DATED_SHARDS = 4
_PUBLISHED = "published"
_ADDED = "added"
_WORD = re.compile(r"[^\W_]+")
_STEM = 2
_MAX_READS = 10
# So much of a word, with an id behind it, fits into DynamoDB's 1,024 bytes of a range key.
_LONGEST = 100
# As it was stored before it was text.
_numeric_price = DecimalAttribute(attr_name="price")


def words(text: str) -> list[str]:
    """Return the words of a text in the form that search compares, without repeats."""
    return list(dict.fromkeys(word[:_LONGEST] for word in _WORD.findall(text.casefold())))


def _search_words(item: Item) -> list[str]:
    # The id as a whole, and its parts: a search for ``SKU-12`` is one for two words.
    whole = item.item_id.casefold()[:_LONGEST]
    return list(dict.fromkeys([*words(item.name), whole, *words(item.item_id)]))


def _word_term(word: str) -> str:
    return f"word#{word[:_STEM]}"


def _category_term(category: str, *, available: bool) -> str:
    return f"category#{'available' if available else 'unavailable'}#{category}"


def _terms(item: Item) -> set[tuple[str, str]]:
    found = {
        (_word_term(word), f"{word}#{item.item_id}")
        for word in _search_words(item)
        if len(word) >= _STEM
    }
    for category in item.categories:
        found.add((_category_term(category, available=item.available), item.item_id))
    if item.published_at is not None:
        found.add(_dated(_PUBLISHED, item.item_id, item.published_at))
    return found


def _dated(term: str, item_id: str, at: datetime) -> tuple[str, str]:
    shard = shard_of(item_id, shards=_DATED_SHARDS)
    return f"{term}#{shard}", f"{to_key(at)}#{item_id}"


def _directory_shard(*, available: bool, shard: int) -> str:
    return f"{'available' if available else 'unavailable'}#{shard}"


def _to_row(item: Item) -> ItemRow:
    shard = shard_of(item.item_id, shards=_SHARDS)
    return ItemRow(
        item.item_id,
        shard=_directory_shard(available=item.available, shard=shard),
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


def save(items: Sequence[Item]) -> None:
    """Create or replace products; of two with one id the later one counts.

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
        new = _terms(item)
        fresh += _term_rows(item_id, new - old)
        if not _is_known(before.get(item_id)):
            fresh += _term_rows(item_id, [_dated(_ADDED, item_id, datetime.now(UTC))])
        stale += [Delete(TermRow, term, entry) for term, entry in old - new]
    with availability.hiding(hidden):
        write_all(fresh)
        write_all(stale)
        # Last, so that a retry after a failure still knows which terms the old row had.
        write_all(Put(_to_row(item)) for item in wanted.values())
    availability.show(shown)


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
        write_all(_term_rows(new.item_id, _terms(new) - _terms(old)))
        if not save_if(_to_row(new), _is_still(old)):
            return False
    write_all(Delete(TermRow, term, entry) for term, entry in _terms(old) - _terms(new))
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
        for row in _term_rows(item.item_id, _terms(item) | {_dated(_ADDED, item.item_id, now)})
    )
    insert_new([_to_row(item) for item in bare])


def _term_rows(item_id: str, terms: Iterable[tuple[str, str]]) -> list[Write]:
    return [Put(TermRow(term, entry, item_id=item_id)) for term, entry in terms]


def _old_terms(row: ItemRow | None) -> set[tuple[str, str]]:
    return _terms(from_row(row)) if row is not None and _is_known(row) else set()


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
    """Yield all products, shard by shard; one page of DynamoDB's is in memory at a time."""
    for available in (True, False):
        for shard in range(_SHARDS):
            name = _directory_shard(available=available, shard=shard)
            yield from map(from_row, ItemRow.directory.query(name))


def newest(*, now: datetime, limit: int) -> dict[str, datetime]:
    """Return since when products have been there: the newest published, and the newest added.

    What is no longer available, or has gone, may be among them.
    """
    found: dict[str, datetime] = {}
    for term in (_ADDED, _PUBLISHED):
        rows = merge_shards(
            partial(_dated_until, now=now, limit=limit),
            shards=[f"{term}#{shard}" for shard in range(_DATED_SHARDS)],
            key=lambda row: row.entry,
            limit=limit,
            newest_first=True,
        )
        found |= {row.item_id: from_iso(row.entry.partition("#")[0]) for row in rows}
    return found


def _dated_until(term: str, *, now: datetime, limit: int) -> list[TermRow]:
    until = TermRow.entry <= f"{to_key(now)}#{LAST}"
    return list(TermRow.query(term, until, scan_index_forward=False, limit=limit))


def listing(
    *,
    prefix: str = "",
    available: bool | None = None,
    limit: int,
    position: str | None = None,
) -> Page[Item]:
    """Return products in order of id, those after ``position`` if given."""
    states = [True, False] if available is None else [available]
    lower = max(prefix, "" if position is None else position + NEXT)
    between: Any = ItemRow.item_id.between(lower, prefix + LAST) if lower else None

    def read(shard: str) -> list[ItemRow]:
        return list(ItemRow.directory.query(shard, between, limit=limit + 1))

    rows = merge_shards(
        read,
        shards=[
            _directory_shard(available=state, shard=shard)
            for state in states
            for shard in range(_SHARDS)
        ],
        key=lambda row: row.item_id,
        limit=limit + 1,
    )
    return page_of(rows, limit=limit, entity=from_row, position=lambda row: row.item_id)


def in_category(
    *,
    category: str,
    prefix: str = "",
    available: bool | None = None,
    limit: int,
    position: str | None = None,
) -> Page[Item]:
    """Return products of a category in order of id, those after ``position`` if given."""
    states = [True, False] if available is None else [available]
    lower = max(prefix, "" if position is None else position + NEXT)
    between: Any = TermRow.entry.between(lower, prefix + LAST) if lower else None

    def read(term: str) -> list[TermRow]:
        return list(TermRow.query(term, between, limit=limit + 1))

    rows = merge_shards(
        read,
        shards=[_category_term(category, available=state) for state in states],
        key=lambda row: row.entry,
        limit=limit + 1,
    )
    found = find([row.item_id for row in rows[:limit]])
    items = tuple(
        item
        for row in rows[:limit]
        if (item := found.get(row.item_id)) is not None
        and row.term == _category_term(category, available=item.available)
        and category in item.categories
    )
    return Page(items, rows[limit - 1].entry if len(rows) > limit else None)


def with_word(word: str, *, limit: int) -> list[str]:
    """Return ids of products that have a word, as `words` gives it, in their name or id."""
    between = TermRow.entry.between(f"{word}#", f"{word}#{LAST}")
    return [row.item_id for row in TermRow.query(_word_term(word), between, limit=limit)]


def with_category(category: str, *, limit: int) -> list[str]:
    """Return ids of available products of a category."""
    term = _category_term(category, available=True)
    return [row.item_id for row in TermRow.query(term, limit=limit)]


def search(
    *,
    text: str,
    category: str | None = None,
    available: bool | None = None,
    limit: int,
    position: str | None = None,
) -> Page[Item]:
    """Return products whose id or words of the name begin with the words searched for.

    Reads along the longest word, so a rare pair of frequent words, or a frequent word with a rare
    category, reads more than one page. After 1,000 rows it returns what it has found and where to
    go on, even if the page is not full.
    """
    wanted = sorted(words(text), key=len, reverse=True) or [text.casefold()[:_LONGEST]]
    if len(wanted[0]) < _STEM and category is None:
        return listing(prefix=text, available=available, limit=limit, position=position)
    if len(wanted[0]) < _STEM and category is not None:
        return in_category(
            category=category, prefix=text, available=available, limit=limit, position=position
        )
    first = wanted[0]
    lower = first if position is None else position + NEXT
    found: list[tuple[str, Item]] = []
    for _ in range(_MAX_READS):
        rows = list(
            TermRow.query(
                _word_term(first), TermRow.entry.between(lower, first + LAST), limit=READ_LIMIT
            )
        )
        items = find([row.item_id for row in rows])
        found += [
            (row.entry, items[row.item_id])
            for row in rows
            if row.item_id in items
            and _matches(items[row.item_id], wanted, entry=row.entry)
            and (category is None or category in items[row.item_id].categories)
            and (available is None or items[row.item_id].available == available)
        ]
        if len(found) > limit:
            return Page(tuple(item for _, item in found[:limit]), found[limit - 1][0])
        if len(rows) < READ_LIMIT:
            return Page(tuple(item for _, item in found))
        lower = rows[-1].entry + NEXT
    return Page(tuple(item for _, item in found), rows[-1].entry)


def _matches(item: Item, wanted: Sequence[str], *, entry: str) -> bool:
    known = _search_words(item)
    if not all(any(word.startswith(part) for word in known) for part in wanted):
        return False
    # An item whose name has several matching words has several rows: it counts at the first.
    first = min(word for word in known if word.startswith(wanted[0]))
    return entry == f"{first}#{item.item_id}"
