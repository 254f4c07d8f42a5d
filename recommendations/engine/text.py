"""Catalogue texts as TF-IDF vectors."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from recommendations.engine.scaling import inverse_power, scale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WORD = re.compile(r"\w+")
#: A term of more items than this tells none of them apart, and would cost its square.
MAX_ITEMS_PER_TERM = 20_000


@dataclass(frozen=True, slots=True)
class ItemText:
    """What the catalogue says about one item."""

    item_id: str
    name: str = ""
    categories: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


def tfidf(items: Sequence[ItemText]) -> sparse.csr_matrix:
    """Return the items' texts as unit vectors.

    Parameters
    ----------
    items : sequence of ItemText
        Terms are the words of the name, and categories and labels as wholes.

    Returns
    -------
    csr_matrix of float64, shape (n_items, n_terms)
        ``(1 + log count) · log((1 + n) / (1 + n_t)) + 1e-3`` scaled to length one, with terms in
        alphabetical order. A row without terms is empty.

    References
    ----------
    Salton, Buckley: "Term-weighting approaches in automatic text retrieval", 1988.
    """
    counts = [Counter(_terms(item)) for item in items]
    spread = Counter(term for row in counts for term in row)
    vocabulary = {
        term: code
        for code, term in enumerate(
            sorted(term for term, n_items in spread.items() if n_items <= MAX_ITEMS_PER_TERM)
        )
    }
    rows, columns, values = [], [], []
    for row, terms in enumerate(counts):
        for term, count in terms.items():
            if term in vocabulary:
                rows.append(row)
                columns.append(vocabulary[term])
                values.append(1.0 + np.log(count))
    matrix = sparse.csr_matrix(
        (values, (rows, columns)), shape=(len(items), len(vocabulary)), dtype=np.float64
    )
    n_items = np.array([spread[term] for term in vocabulary], dtype=np.float64)
    # Never quite zero: in a tiny catalogue all items may share all terms.
    matrix = scale(matrix, columns=np.log((1.0 + len(items)) / (1.0 + n_items)) + 1e-3)
    squares = np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()
    return scale(matrix, rows=inverse_power(squares, 0.5))


def _terms(item: ItemText) -> Iterator[str]:
    yield from _WORD.findall(item.name.casefold())
    yield from (f"category {category.casefold()}" for category in item.categories)
    yield from (f"label {label.casefold()}" for label in item.labels)
