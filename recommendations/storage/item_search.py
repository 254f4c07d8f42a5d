"""The catalogue listed and searched: pages of bounded cost, in order of a key."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from core.dynamodb.batch import READ_LIMIT
from core.dynamodb.sharded import LAST, NEXT, merge_shards
from core.pages import Page, page_along, page_of
from core.validation import from_iso, to_key
from recommendations.entities import Item
from recommendations.models import ItemRow, TermRow
from recommendations.storage.items import find, from_row
from recommendations.storage.terms import (
    ADDED,
    DATED_SHARDS,
    LONGEST,
    PUBLISHED,
    STEM,
    category_term,
    label_term,
    search_words,
    state_name,
    terms_of,
    word_term,
    words,
)

MAX_READS = 10


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
        shards=[state_name(available=state) for state in states],
        key=lambda row: row.item_id,
        limit=limit + 1,
    )
    return page_of(rows, limit=limit, entity=from_row, position=lambda row: row.item_id)


def narrowed(
    *,
    category: str | None = None,
    label: str | None = None,
    prefix: str = "",
    available: bool | None = None,
    limit: int,
    position: str | None = None,
    reads: int = MAX_READS,
) -> Page[Item]:
    """Return products of a category, with a label or both, in order of id.

    Reads along the label, of which there are fewer products as a rule; with both, a page may end
    early, after so many reads.
    """
    states = [True, False] if available is None else [available]
    terms = [
        label_term(label, available=state)
        if label is not None
        else category_term(category or "", available=state)
        for state in states
    ]
    step = READ_LIMIT if label is not None and category is not None else limit + 1

    def read(position: str | None) -> list[TermRow]:
        lower = max(prefix, "" if position is None else position + NEXT)
        between: Any = TermRow.entry.between(lower, prefix + LAST) if lower else None
        return merge_shards(
            lambda term: list(TermRow.query(term, between, limit=step)),
            shards=terms,
            key=lambda row: row.entry,
            limit=step,
        )

    def passes(row: TermRow, item: Item | None) -> bool:
        return (
            item is not None
            and (row.term, row.entry) in terms_of(item)
            and (category is None or category in item.categories)
        )

    return page_along(
        read,
        partial(_products, passes=passes),
        position_of=lambda row: row.entry,
        step=step,
        limit=limit,
        position=position,
        reads=reads,
    )


def search(
    *,
    text: str,
    category: str | None = None,
    label: str | None = None,
    available: bool | None = None,
    limit: int,
    position: str | None = None,
    reads: int = MAX_READS,
) -> Page[Item]:
    """Return products whose id or words of the name begin with the words searched for.

    Reads along the longest word, so a rare pair of frequent words, or a frequent word with a rare
    category, reads more than one page. After so many reads, of 100 rows each, it returns what it
    has found and where to go on, even if the page is not full.
    """
    wanted = sorted(words(text), key=len, reverse=True) or [text.casefold()[:LONGEST]]
    first = wanted[0]
    if len(first) < STEM and category is None and label is None:
        return listing(prefix=text, available=available, limit=limit, position=position)
    if len(first) < STEM:
        return narrowed(
            category=category,
            label=label,
            prefix=text,
            available=available,
            limit=limit,
            position=position,
            reads=reads,
        )

    def read(position: str | None) -> list[TermRow]:
        between = TermRow.entry.between(
            first if position is None else position + NEXT, first + LAST
        )
        return list(TermRow.query(word_term(first), between, limit=READ_LIMIT))

    def passes(row: TermRow, item: Item | None) -> bool:
        return (
            item is not None
            and _matches(item, wanted, entry=row.entry)
            and (category is None or category in item.categories)
            and (label is None or label in item.labels)
            and (available is None or item.available == available)
        )

    return page_along(
        read,
        partial(_products, passes=passes),
        position_of=lambda row: row.entry,
        step=READ_LIMIT,
        limit=limit,
        position=position,
        reads=reads,
    )


def _products(
    rows: Sequence[TermRow], *, passes: Callable[[TermRow, Item | None], bool]
) -> list[Item | None]:
    """Return the products that terms stand for, in one read; None for what does not pass."""
    found = find([row.item_id for row in rows])
    items = [(row, found.get(row.item_id)) for row in rows]
    return [item if passes(row, item) else None for row, item in items]


def _matches(item: Item, wanted: Sequence[str], *, entry: str) -> bool:
    known = search_words(item)
    if not all(any(word.startswith(part) for word in known) for part in wanted):
        return False
    # An item whose name has several matching words has several rows: it counts at the first.
    first = min(word for word in known if word.startswith(wanted[0]))
    return entry == f"{first}#{item.item_id}"


def with_word(word: str, *, limit: int) -> list[str]:
    """Return ids of products that have a word, as `words` gives it, in their name or id."""
    between = TermRow.entry.between(f"{word}#", f"{word}#{LAST}")
    return [row.item_id for row in TermRow.query(word_term(word), between, limit=limit)]


def with_category(category: str, *, limit: int) -> list[str]:
    """Return ids of available products of a category."""
    term = category_term(category, available=True)
    return [row.item_id for row in TermRow.query(term, limit=limit)]


def newest(*, now: datetime, limit: int) -> dict[str, datetime]:
    """Return since when products have been there: the newest published, and the newest added.

    What is no longer available, or has gone, may be among them.
    """
    found: dict[str, datetime] = {}
    for term in (ADDED, PUBLISHED):
        rows = merge_shards(
            partial(_dated_until, now=now, limit=limit),
            shards=[f"{term}#{shard}" for shard in range(DATED_SHARDS)],
            key=lambda row: row.entry,
            limit=limit,
            newest_first=True,
        )
        found |= {row.item_id: from_iso(row.entry.partition("#")[0]) for row in rows}
    return found


def _dated_until(term: str, *, now: datetime, limit: int) -> list[TermRow]:
    until = TermRow.entry <= f"{to_key(now)}#{LAST}"
    return list(TermRow.query(term, until, scan_index_forward=False, limit=limit))
