"""What every estimator has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import sparse

from recommendations.engine.matrix import (
    MAX_ITEMS_PER_USER,
    history_matrix,
    preference_matrix,
    row_numbers,
    user_item_matrix,
)
from recommendations.engine.packing import Neighbour
from recommendations.engine.rank import MAX_HISTORY
from recommendations.engine.scaling import row_sums
from recommendations.engine.support import shared_users
from recommendations.engine.topk import product_topk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from recommendations.engine.interactions import Interactions

_SUPPORT_BLOCK = 512


def empty() -> sparse.csr_matrix:
    """Return a matrix of nothing, the state before a fit."""
    return sparse.csr_matrix((0, 0))


class NotFittedError(ValueError):
    """The estimator was asked before it was fitted."""


@dataclass(kw_only=True, eq=False)
class Estimator(ABC):
    """A recommender whose constructor parameters are its dataclass fields.

    Attributes
    ----------
    exclude_seen : bool
        Recommend only items that are new to the user.
    threads : int, optional
        All cores when None; no result depends on it.
    """

    exclude_seen: bool = True
    threads: int | None = None
    user_ids_: tuple[str, ...] = field(default=(), init=False, repr=False)
    item_ids_: tuple[str, ...] = field(default=(), init=False, repr=False)
    interactions_: Interactions | None = field(default=None, init=False, repr=False)

    @abstractmethod
    def fit(self, interactions: Interactions, *, now: float) -> Self:
        """Learn from the interactions.

        Parameters
        ----------
        interactions : Interactions
            May be empty; then nothing is recommended.
        now : float
            Epoch seconds at which the model is made. Later events count as made now.

        Returns
        -------
        Self
        """

    def get_params(self) -> dict[str, Any]:
        """Return the constructor's parameters; they make an equal, unfitted estimator."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.init}

    def clone(self, **changes: Any) -> Self:
        """Return an unfitted estimator with the same parameters but for the changes."""
        return replace(self, **changes)

    def recommend(self, user_id: str, k: int = 10) -> list[tuple[str, float]]:
        """Return the best ``k`` items for a user, best first; nothing for an unknown user."""
        self._fitted()
        code = _position(self.user_ids_, user_id)
        if code is None:
            return []
        row = self.recommend_many(np.array([code]), k)
        return [
            (self.item_ids_[item], float(score))
            for item, score in zip(row.indices, row.data, strict=True)
        ]

    @abstractmethod
    def recommend_many(self, users: NDArray[Any], k: int) -> sparse.csr_matrix:
        """Return the best ``k`` items of many users.

        Parameters
        ----------
        users : ndarray of int, shape (n,)
            Codes of users in the fitted interactions.
        k : int

        Returns
        -------
        csr_matrix of float64, shape (n, n_items)
            Scores, best first in each row, ties by item id.
        """

    @abstractmethod
    def similar_items(self, item_id: str, k: int = 10) -> list[Neighbour]:
        """Return the ``k`` items nearest to an item; nothing for an unknown item."""

    def _remember(self, interactions: Interactions) -> None:
        self.user_ids_, self.item_ids_ = interactions.user_ids, interactions.item_ids
        self.interactions_ = interactions

    def _fitted(self) -> Interactions:
        if self.interactions_ is None:
            raise NotFittedError(f"{type(self).__name__} has not been fitted")
        return self.interactions_

    def _events_of(self, users: NDArray[Any]) -> Interactions:
        interactions = self._fitted()
        wanted = np.zeros(interactions.n_users, dtype=bool)
        wanted[users] = True
        return interactions.take(wanted[interactions.users])

    def _seen(self, users: NDArray[Any]) -> sparse.csr_matrix:
        """Return ones for the items that each user has, shape (n, n_items)."""
        seen = user_item_matrix(self._events_of(users))[users]
        seen.data[:] = 1.0
        return seen

    def _best(
        self, users: NDArray[Any], histories: sparse.csr_matrix, table: sparse.csr_matrix, k: int
    ) -> sparse.csr_matrix:
        """Return the top of ``histories @ table``, without what the users have seen."""
        if not users.size or not self.item_ids_:
            return sparse.csr_matrix((users.size, len(self.item_ids_)))
        if self.exclude_seen:
            # Minus infinity for each seen item, in the same product as the scores.
            seen = self._seen(users)
            mask = sparse.diags(np.full(table.shape[1], -np.inf), format="csr")
            histories = sparse.hstack((histories, seen), format="csr")
            table = sparse.vstack((table, mask), format="csr")
        return product_topk(histories, table, k=k, threads=self.threads)


@dataclass(kw_only=True, eq=False)
class NeighbourEstimator(Estimator):
    """An estimator that is a table of item neighbours: scores are sums over the user's history.

    Attributes
    ----------
    k : int
        Neighbours per item.
    history : int, optional
        So many of the user's items count in `recommend`, see `history_matrix`; all when None.
    max_items_per_user : int
        Of longer histories only the newest items are learnt from.
    """

    k: int = 100
    history: int | None = MAX_HISTORY
    max_items_per_user: int = MAX_ITEMS_PER_USER
    table_: sparse.csr_matrix = field(default_factory=empty, init=False, repr=False)

    def recommend_many(self, users: NDArray[Any], k: int) -> sparse.csr_matrix:
        """Return the best ``k`` items of many users; see `Estimator.recommend_many`."""
        return self._best(users, self._histories(users), self.table_, k)

    def recommend_items(
        self, history: Sequence[tuple[str, float]], k: int = 10
    ) -> list[tuple[str, float]]:
        """Return the best ``k`` items for a list of items and their weights, those excluded."""
        scores: dict[str, float] = {}
        for item_id, value in history:
            for neighbour in self._row(item_id):
                scores[neighbour[0]] = scores.get(neighbour[0], 0.0) + value * neighbour[1]
        for item_id, _ in history:
            scores.pop(item_id, None)
        return sorted(scores.items(), key=lambda entry: (-entry[1], entry[0]))[:k]

    def similar_items(self, item_id: str, k: int = 10) -> list[Neighbour]:
        """Return the ``k`` items nearest to an item, best first; nothing for an unknown item."""
        self._fitted()
        code = _position(self.item_ids_, item_id)
        if code is None:
            return []
        user_items, item_users = self._pairs()
        row = slice(code, code + 1)
        return self._rows(self.table_[row], item_users[row], user_items)[0][:k]

    def neighbours(self) -> Iterator[tuple[str, list[Neighbour]]]:
        """Yield each item that has neighbours, with all of them, best first.

        Memory is bounded: supports are counted for a few hundred items at a time.
        """
        user_items, item_users = self._pairs()
        for start in range(0, len(self.item_ids_), _SUPPORT_BLOCK):
            stop = start + _SUPPORT_BLOCK
            rows = self._rows(self.table_[start:stop], item_users[start:stop], user_items)
            for code, row in enumerate(rows, start):
                if row:
                    yield self.item_ids_[code], row

    def _row(self, item_id: str) -> list[tuple[str, float]]:
        self._fitted()
        code = _position(self.item_ids_, item_id)
        if code is None:
            return []
        row = self.table_[code]
        return [
            (self.item_ids_[item], float(value))
            for item, value in zip(row.indices, row.data, strict=True)
        ]

    def _rows(
        self, table: sparse.csr_matrix, item_users: sparse.csr_matrix, user_items: sparse.csr_matrix
    ) -> list[list[Neighbour]]:
        supports = shared_users(item_users, user_items, table)
        rows: list[list[Neighbour]] = [[] for _ in range(table.shape[0])]
        for row, item, weight, support in zip(
            row_numbers(table), table.indices, table.data, supports, strict=True
        ):
            rows[row].append(Neighbour(self.item_ids_[item], float(weight), int(support)))
        return rows

    def _pairs(self) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        """Return ones for what supports are counted over, and their transpose."""
        matrix = preference_matrix(self._fitted(), max_items=self.max_items_per_user)
        matrix.data = np.ones(matrix.nnz, dtype=np.float32)
        return matrix, matrix.T.tocsr()

    def _histories(self, users: NDArray[Any]) -> sparse.csr_matrix:
        return history_matrix(
            self._events_of(users), row_sums=row_sums(self.table_), max_items=self.history
        )[users]


def _position(ids: tuple[str, ...], wanted: str) -> int | None:
    position = bisect_left(ids, wanted)
    return position if position < len(ids) and ids[position] == wanted else None
