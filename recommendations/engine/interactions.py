"""The training data: who did what with which item, when, and in which basket."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

NO_BASKET = -1


@dataclass(frozen=True, slots=True, eq=False)
class Interactions:
    """Events as parallel columns; users, items and baskets are small integer codes.

    Attributes
    ----------
    users, items : ndarray of int32, shape (n_events,)
        Codes: positions in ``user_ids`` and ``item_ids``.
    weights : ndarray of float64, shape (n_events,)
        Finite and positive; what an event is worth (see `recommendations.engine.weights`).
    times : ndarray of float64, shape (n_events,)
        Epoch seconds.
    baskets : ndarray of int32, shape (n_events,)
        Code of the order that the event is a line of, or -1.
    user_ids, item_ids : tuple of str
        Ascending and without duplicates, so that the order of codes is the order of ids and a
        tie between codes is a tie between ids.

    Raises
    ------
    ValueError
        If the columns differ in length, a code is out of range, a weight or time is not finite,
        a weight is not positive, or the ids are not in strictly ascending order.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    weights: NDArray[np.float64]
    times: NDArray[np.float64]
    baskets: NDArray[np.int32]
    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        columns = (self.users, self.items, self.weights, self.times, self.baskets)
        if len({column.shape for column in columns}) != 1 or self.users.ndim != 1:
            raise ValueError("the columns of interactions must have one and the same length")
        for name, codes, ids in (
            ("user", self.users, self.user_ids),
            ("item", self.items, self.item_ids),
        ):
            if any(first >= second for first, second in pairwise(ids)):
                raise ValueError(f"{name} ids must be unique and in ascending order")
            if codes.size and not (codes.min() >= 0 and codes.max() < len(ids)):
                raise ValueError(f"{name} codes must lie between 0 and {len(ids) - 1}")
        if not (np.isfinite(self.weights).all() and (self.weights > 0).all()):
            raise ValueError("weights must be finite and positive")
        if not np.isfinite(self.times).all():
            raise ValueError("times must be finite")

    def __len__(self) -> int:
        return int(self.users.size)

    @property
    def n_users(self) -> int:
        """Number of known users, with or without events."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """Number of known items, with or without events."""
        return len(self.item_ids)

    def take(self, rows: NDArray[Any]) -> Interactions:
        """Return the chosen events, by mask or by position, under the same codes."""
        return replace(
            self,
            users=self.users[rows],
            items=self.items[rows],
            weights=self.weights[rows],
            times=self.times[rows],
            baskets=self.baskets[rows],
        )

    def with_items(self, item_ids: Iterable[str]) -> Interactions:
        """Return the same events among more items; codes change, ids do not."""
        together = tuple(sorted({*self.item_ids, *item_ids}))
        if together == self.item_ids:
            return self
        position = {item_id: code for code, item_id in enumerate(together)}
        codes = np.array([position[item_id] for item_id in self.item_ids], dtype=np.int32)
        return replace(self, items=codes[self.items], item_ids=together)


class InteractionsBuilder:
    """Collects events one by one at 28 bytes each, plus each id once.

    Examples
    --------
    >>> builder = InteractionsBuilder()
    >>> builder.add("ann", "tea", weight=1.0, time=1_700_000_000.0, basket="order-1")
    >>> len(builder.build())
    1
    """

    def __init__(self) -> None:
        self._users = array("i")
        self._items = array("i")
        self._weights = array("d")
        self._times = array("d")
        self._baskets = array("i")
        self._user_codes: dict[str, int] = {}
        self._item_codes: dict[str, int] = {}
        self._basket_codes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._users)

    def add(
        self, user_id: str, item_id: str, *, weight: float, time: float, basket: str | None = None
    ) -> None:
        """Add one event.

        Parameters
        ----------
        user_id, item_id : str
        weight : float
            Worth of the event. An event of weight zero is no sign of interest and is left out.
        time : float
            Epoch seconds.
        basket : str, optional
            The order that this event is a line of.

        Raises
        ------
        ValueError
            If an id is empty, the weight is negative or not finite, or the time is not finite.
            Nothing is added then.
        """
        if not user_id or not item_id:
            raise ValueError("user and item ids must not be empty")
        if not math.isfinite(weight) or weight < 0:
            raise ValueError(f"weight must be finite and not negative, not {weight}")
        if not math.isfinite(time):
            raise ValueError(f"time must be finite, not {time}")
        if weight == 0:
            return
        self._users.append(_code(self._user_codes, user_id))
        self._items.append(_code(self._item_codes, item_id))
        self._weights.append(weight)
        self._times.append(time)
        self._baskets.append(NO_BASKET if basket is None else _code(self._basket_codes, basket))

    def build(self) -> Interactions:
        """Return everything added so far; the builder may go on collecting."""
        user_ids, user_ranks = _ranked(self._user_codes)
        item_ids, item_ranks = _ranked(self._item_codes)
        return Interactions(
            users=user_ranks[np.array(self._users, dtype=np.int32)],
            items=item_ranks[np.array(self._items, dtype=np.int32)],
            weights=np.array(self._weights, dtype=np.float64),
            times=np.array(self._times, dtype=np.float64),
            baskets=np.array(self._baskets, dtype=np.int32),
            user_ids=user_ids,
            item_ids=item_ids,
        )


def _code(codes: dict[str, int], key: str) -> int:
    return codes.setdefault(key, len(codes))


def _ranked(ids: Iterable[str]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Return the ids in ascending order, and for each id in the given order its rank."""
    given = list(ids)
    order = sorted(range(len(given)), key=given.__getitem__)
    ranks = np.empty(len(given), dtype=np.int32)
    ranks[order] = np.arange(len(given), dtype=np.int32)
    return tuple(given[position] for position in order), ranks
