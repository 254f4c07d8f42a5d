"""How alike texts are, at serving time: pure Python over a few dozen products."""

from __future__ import annotations

import re
from collections import Counter
from math import log, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_WORD = re.compile(r"\w+")


def terms_of(*, name: str, categories: Iterable[str], labels: Iterable[str]) -> list[str]:
    """Return the words of a name, and categories and labels as wholes."""
    return [
        *_WORD.findall(name.casefold()),
        *(f"category {category.casefold()}" for category in categories),
        *(f"label {label.casefold()}" for label in labels),
    ]


def most_alike(
    asked: Collection[str], texts: Mapping[str, Sequence[str]]
) -> list[tuple[str, float]]:
    """Return the other texts with what they share with those asked for, most alike first.

    The score is the sum of the cosines with each text asked for, of vectors weighted
    ``(1 + log count) · (log((1 + n) / (1 + n_t)) + 1e-3)`` with the n given texts as the whole
    collection, as the trained model weights them.

    Parameters
    ----------
    asked : collection of str
        Ids of the texts to compare with; those without a text are passed over.
    texts : mapping of str to sequence of str
        Terms by id.

    References
    ----------
    Salton, Buckley: "Term-weighting approaches in automatic text retrieval", 1988.
    """
    counts = {text_id: Counter(terms) for text_id, terms in texts.items()}
    spread = Counter(term for row in counts.values() for term in row)
    vectors = {text_id: _unit(row, spread, len(texts)) for text_id, row in counts.items()}
    profile: Counter[str] = Counter()
    for text_id in sorted(set(asked) & vectors.keys()):
        profile.update(vectors[text_id])
    scores = {
        text_id: sum(weight * profile[term] for term, weight in vector.items() if term in profile)
        for text_id, vector in vectors.items()
        if text_id not in asked
    }
    found = [(text_id, score) for text_id, score in scores.items() if score > 0]
    return sorted(found, key=lambda row: (-row[1], row[0]))


def _unit(row: Counter[str], spread: Counter[str], n_texts: int) -> dict[str, float]:
    weights = {
        # Never quite zero: in a tiny collection all texts may share all terms.
        term: (1.0 + log(count)) * (log((1 + n_texts) / (1 + spread[term])) + 1e-3)
        for term, count in sorted(row.items())
    }
    length = sqrt(sum(weight * weight for weight in weights.values()))
    return {term: weight / length for term, weight in weights.items()}
