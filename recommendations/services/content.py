"""What is like a product by its words, for products that are newer than the model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from recommendations.engine.likeness import most_alike, terms_of
from recommendations.entities import Item
from recommendations.profiles import Entry, round_score
from recommendations.storage import item_search
from recommendations.storage.reads import Reads, Wanted
from recommendations.storage.terms import words as words_of

SOURCE = "content"
ASKED = 3
_QUERIES = 3
_PER_QUERY = 50


def content_entries(
    *, item_ids: Sequence[str], reads: Reads, queries: int = _QUERIES, along: Wanted | None = None
) -> list[Entry]:
    """Return products with words and categories like those of the first few products.

    One term after the other is looked up, that which tells most first, until there are others
    that have it: as a rule that takes one query, and then one batch. With a single query it is the
    first category that is looked up, where there is one, since a word may be the product's own.

    Parameters
    ----------
    queries
        How many to make at most.
    along
        Further rows to read in that batch.
    """
    asked = item_ids[:ASKED]
    reads.fetch(Wanted(items=asked))
    found: dict[str, None] = {}
    for find in islice(_queries(_named(reads.items(asked)), alone=queries == 1), queries):
        found.update(dict.fromkeys(find(limit=_PER_QUERY)))
        reads.round_trips += 1
        if found.keys() - set(asked):
            break
    along = along or Wanted()
    reads.fetch(Wanted(items=list(found)[: reads.room(along)]) | along)
    texts = {
        item.item_id: terms_of(name=item.name, categories=item.categories, labels=item.labels)
        for item in _named(reads.items([*asked, *found]))
        if item.available or item.item_id in asked
    }
    return [
        Entry(item_id, round_score(score), SOURCE) for item_id, score in most_alike(asked, texts)
    ]


def _named(found: Mapping[str, Item]) -> list[Item]:
    """Return the products that have a name; those that only events know go by their id."""
    return [item for item in found.values() if item.name != item.item_id]


def _queries(known: Sequence[Item], *, alone: bool) -> Iterator[Callable[..., list[str]]]:
    """Yield look-ups, those first that few products answer: long words are rarer than short."""
    ranked = [
        [
            partial(item_search.with_word, word)
            for word in sorted(words, key=lambda word: (-len(word), word))
        ]
        for words in (words_of(item.name) for item in known)
    ]
    longest = [find for finds in ranked for find in finds[:1]]
    categories = [
        partial(item_search.with_category, category)
        for item in known
        for category in item.categories[:1]
    ]
    yield from (*categories, *longest) if alone else (*longest, *categories)
    yield from (find for finds in ranked for find in finds[1:])
