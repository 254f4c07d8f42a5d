"""What products are found by: words, categories, labels, and the times they came."""

import re
from datetime import datetime

from core.dynamodb.sharded import shard_of
from core.validation import to_key
from recommendations.entities import Item

# Products in order of time; a whole catalogue may come in at once.
DATED_SHARDS = 4
PUBLISHED = "published"
ADDED = "added"
# Shorter words are not among the terms.
STEM = 2
# So much of a word, with an id behind it, fits into DynamoDB's 1,024 bytes of a range key.
LONGEST = 100
_WORD = re.compile(r"[^\W_]+")

# The partition of a term, and the place of a product in it.
Term = tuple[str, str]


def words(text: str) -> list[str]:
    """Return the words of a text in the form that search compares, without repeats."""
    return list(dict.fromkeys(word[:LONGEST] for word in _WORD.findall(text.casefold())))


def search_words(item: Item) -> list[str]:
    # The id as a whole, and its parts: a search for ``SKU-12`` is one for two words.
    whole = item.item_id.casefold()[:LONGEST]
    return list(dict.fromkeys([*words(item.name), whole, *words(item.item_id)]))


def word_term(word: str) -> str:
    return f"word#{word[:STEM]}"


def state_name(*, available: bool) -> str:
    return "available" if available else "unavailable"


def category_term(category: str, *, available: bool) -> str:
    return f"category#{state_name(available=available)}#{category}"


def label_term(label: str, *, available: bool) -> str:
    return f"label#{state_name(available=available)}#{label}"


def terms_of(item: Item) -> set[Term]:
    found = {
        (word_term(word), f"{word}#{item.item_id}")
        for word in search_words(item)
        if len(word) >= STEM
    }
    for category in item.categories:
        found.add((category_term(category, available=item.available), item.item_id))
    for label in item.labels:
        found.add((label_term(label, available=item.available), item.item_id))
    if item.published_at is not None:
        found.add(dated(PUBLISHED, item.item_id, item.published_at))
    return found


def dated(term: str, item_id: str, at: datetime) -> Term:
    shard = shard_of(item_id, shards=DATED_SHARDS)
    return f"{term}#{shard}", f"{to_key(at)}#{item_id}"
