"""The training data: who did what with which item, when, and in which basket."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from numpy.typing import NDArray

NO_BASKET = -1
LAST_SECOND = 2**32 - 1

_BLOCK = 1 << 20
_LARGEST_BYTE = 255


@dataclass(frozen=True, slots=True, eq=False)
class Interactions:
    """Events as parallel columns of 13 bytes an event, 17 with baskets.

    Made by `InteractionsBuilder`, or by `from_columns`, which checks what it is given.

    Attributes
    ----------
    users, items : ndarray of int32, shape (n_events,)
        Codes: positions in ``user_ids`` and ``item_ids``.
    weight_codes : ndarray of unsigned int, shape (n_events,)
        Positions in ``weight_values``; one byte each, unless there are more than 256 values.
    seconds : ndarray of uint32, shape (n_events,)
        Whole seconds since 1970. Unsigned: differences are to be taken of ``times``.
    baskets : ndarray of int32, shape (n_events,)
        Code of the order that the event is a line of, or -1. Without any order a read-only view
        of a single -1.
    weight_values : ndarray of float64
        Finite and positive; what an event is worth (see `recommendations.engine.weights`).
    user_ids, item_ids : tuple of str
        Ascending and without duplicates, so that the order of codes is the order of ids and a
        tie between codes is a tie between ids.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    weight_codes: NDArray[np.unsignedinteger[Any]]
    seconds: NDArray[np.uint32]
    baskets: NDArray[np.int32]
    weight_values: NDArray[np.float64]
    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]

    @classmethod
    def from_columns(
        cls,
        *,
        users: NDArray[Any],
        items: NDArray[Any],
        user_ids: tuple[str, ...],
        item_ids: tuple[str, ...],
        weights: NDArray[Any] | float = 1.0,
        times: NDArray[Any] | float = 0.0,
        baskets: NDArray[Any] | None = None,
    ) -> Self:
        """Return events from checked columns.

        Parameters
        ----------
        users, items, baskets : ndarray of int
            See `Interactions`; None when no event belongs to an order.
        user_ids, item_ids : tuple of str
        weights : ndarray of float, or float
            Of each event, or of all.
        times : ndarray of float, or float
            Epoch seconds. Fractions are cut; what is before 1970 or after 2106 counts as then.

        Raises
        ------
        ValueError
            If the columns differ in length, a code is out of range, a weight or time is not
            finite, a weight is not positive, or the ids are not in strictly ascending order.
        """
        columns = [
            each for each in (items, weights, times, baskets) if isinstance(each, np.ndarray)
        ]
        if users.ndim != 1 or any(each.shape != users.shape for each in columns):
            raise ValueError("the columns of interactions must have one and the same length")
        for name, codes, ids in (("user", users, user_ids), ("item", items, item_ids)):
            if any(first >= second for first, second in pairwise(ids)):
                raise ValueError(f"{name} ids must be unique and in ascending order")
            if codes.size and not (codes.min() >= 0 and codes.max() < len(ids)):
                raise ValueError(f"{name} codes must lie between 0 and {len(ids) - 1}")
        values, codes = np.unique(np.asarray(weights, dtype=np.float64), return_inverse=True)
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise ValueError("weights must be finite and positive")
        if not np.isfinite(times).all():
            raise ValueError("times must be finite")
        codes = codes.astype(np.min_scalar_type(max(values.size - 1, 0)))
        seconds = np.clip(times, 0, LAST_SECOND).astype(np.uint32)
        return cls(
            users=users.astype(np.int32, copy=False),
            items=items.astype(np.int32, copy=False),
            weight_codes=np.broadcast_to(codes, users.shape).copy(),
            seconds=np.broadcast_to(seconds, users.shape).copy(),
            baskets=no_baskets(users.size)
            if baskets is None
            else baskets.astype(np.int32, copy=False),
            weight_values=values,
            user_ids=user_ids,
            item_ids=item_ids,
        )

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

    @property
    def weights(self) -> NDArray[np.float64]:
        """What each event is worth, as a new array; see `in_blocks` for a lot of events."""
        return decoded(self.weight_codes, self.weight_values)

    @property
    def times(self) -> NDArray[np.float64]:
        """Epoch seconds, as a new array; see `in_blocks` for a lot of events."""
        return self.seconds.astype(np.float64)

    @property
    def span(self) -> tuple[float, float]:
        """Epoch seconds of the first and the last event; zeros without events."""
        if not len(self):
            return 0.0, 0.0
        return float(self.seconds.min()), float(self.seconds.max())

    def in_blocks(self) -> Iterator[Interactions]:
        """Yield the events in their order, about a million at a time, as views."""
        for start in range(0, len(self), _BLOCK):
            yield self.take(slice(start, start + _BLOCK))

    def take(self, rows: NDArray[Any] | slice) -> Interactions:
        """Return the chosen events, by mask, position or slice, under the same codes."""
        users = self.users[rows]
        return replace(
            self,
            users=users,
            items=self.items[rows],
            weight_codes=self.weight_codes[rows],
            seconds=self.seconds[rows],
            # A view of one value must not become a column.
            baskets=self.baskets[rows] if self.baskets.strides[0] else no_baskets(users.size),
        )

    def with_items(self, item_ids: Iterable[str]) -> Interactions:
        """Return the same events among more items; codes change, ids do not."""
        together = tuple(sorted({*self.item_ids, *item_ids}))
        if together == self.item_ids:
            return self
        position = {item_id: code for code, item_id in enumerate(together)}
        codes = np.array([position[item_id] for item_id in self.item_ids], dtype=np.int32)
        return replace(self, items=codes[self.items], item_ids=together)


def no_baskets(length: int) -> NDArray[np.int32]:
    """Return -1 for each event without taking memory for each."""
    return np.broadcast_to(np.int32(NO_BASKET), (length,))


def decoded(
    codes: NDArray[np.unsignedinteger[Any]], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return ``values[codes]``; block by block, since an index takes eight bytes an entry."""
    found = np.empty(codes.size, dtype=np.float64)
    for start in range(0, codes.size, _BLOCK):
        found[start : start + _BLOCK] = values[codes[start : start + _BLOCK]]
    return found


class InteractionsBuilder:
    """Collects events one by one at 13 bytes each, 17 with baskets, plus each id once.

    Examples
    --------
    >>> builder = InteractionsBuilder()
    >>> builder.add("ann", "tea", weight=1.0, time=1_700_000_000.0, basket="order-1")
    >>> len(builder.build())
    1
    """

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._users, self._items = array("i"), array("i")
        self._weights, self._seconds = array("B"), array("I")
        # Empty until the first event that belongs to an order.
        self._baskets = array("i")
        self._user_codes: dict[str, int] = {}
        self._item_codes: dict[str, int] = {}
        self._weight_codes: dict[float, int] = {}
        self._basket_codes: dict[str, int] = {}
        self._n_baskets = 0

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
            Epoch seconds; see `Interactions.from_columns`.
        basket : str, optional
            The order that this event is a line of. `add_order` spares remembering it.

        Raises
        ------
        ValueError
            If an id is empty, the weight is negative or not finite, or the time is not finite.
            Nothing is added then.
        """
        code = NO_BASKET
        if basket is not None:
            code = self._basket_codes.get(basket, self._n_baskets)
        if self._append(user_id, item_id, weight, time, code) and basket is not None:
            self._basket_codes[basket] = code
            self._n_baskets = max(self._n_baskets, code + 1)

    def add_order(
        self, user_id: str, item_ids: Iterable[str], *, weight: float, time: float
    ) -> None:
        """Add an event for each line of one order; see `add`."""
        for item_id in item_ids:
            self._append(user_id, item_id, weight, time, self._n_baskets)
        self._n_baskets += 1

    def build(self) -> Interactions:
        """Return everything added so far and start anew; no column is held twice."""
        user_ids, user_ranks = _ranked(self._user_codes)
        item_ids, item_ranks = _ranked(self._item_codes)
        interactions = Interactions(
            users=_renumbered(self._users, user_ranks),
            items=_renumbered(self._items, item_ranks),
            weight_codes=np.frombuffer(self._weights, dtype=self._weights.typecode),
            seconds=np.frombuffer(self._seconds, dtype=np.uint32),
            baskets=(
                np.frombuffer(self._baskets, dtype=np.int32)
                if self._baskets
                else no_baskets(len(self))
            ),
            weight_values=np.array(list(self._weight_codes), dtype=np.float64),
            user_ids=user_ids,
            item_ids=item_ids,
        )
        self._clear()
        return interactions

    def _append(self, user_id: str, item_id: str, weight: float, time: float, basket: int) -> bool:
        if not user_id or not item_id:
            raise ValueError("user and item ids must not be empty")
        if not math.isfinite(weight) or weight < 0:
            raise ValueError(f"weight must be finite and not negative, not {weight}")
        if not math.isfinite(time):
            raise ValueError(f"time must be finite, not {time}")
        if weight == 0:
            return False
        if basket != NO_BASKET and not self._baskets:
            self._baskets = array("i", [NO_BASKET]) * len(self)
        if self._baskets or basket != NO_BASKET:
            self._baskets.append(basket)
        self._users.append(_code(self._user_codes, user_id))
        self._items.append(_code(self._item_codes, item_id))
        weight_code = _code(self._weight_codes, weight)
        if weight_code > _LARGEST_BYTE and self._weights.typecode == "B":
            self._weights = array("I", self._weights)
        self._weights.append(weight_code)
        self._seconds.append(min(max(int(time), 0), LAST_SECOND))
        return True


def _code(codes: dict[Any, int], key: Hashable) -> int:
    return codes.setdefault(key, len(codes))


def _ranked(ids: Iterable[str]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Return the ids in ascending order, and for each id in the given order its rank."""
    given = list(ids)
    order = sorted(range(len(given)), key=given.__getitem__)
    ranks = np.empty(len(given), dtype=np.int32)
    ranks[order] = np.arange(len(given), dtype=np.int32)
    return tuple(given[position] for position in order), ranks


def _renumbered(column: array[int], ranks: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return ``ranks[column]`` in the memory of the column."""
    codes = np.frombuffer(column, dtype=np.int32)
    for start in range(0, codes.size, _BLOCK):
        codes[start : start + _BLOCK] = ranks[codes[start : start + _BLOCK]]
    return codes
