"""What a user is likely to take once more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import sparse

from recommendations.engine.matrix import user_item_matrix
from recommendations.engine.models.base import Estimator
from recommendations.engine.topk import product_topk
from recommendations.engine.trend import trend_factors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommendations.engine.interactions import Interactions
    from recommendations.engine.packing import Neighbour

# Until users have shown otherwise, one in ten takes an item again.
_PRIOR_USERS = 10.0
_PRIOR_REPEATS = 1.0


@dataclass(kw_only=True, eq=False)
class BuyAgain(Estimator):
    """The user's own items, by how often the user took them and how often others come back.

    .. math:: s_{ui} = \\log(1 + x_{ui}) \\; \\frac{r_i + 1}{n_i + 10} \\; t_i^{\\gamma}

    with ``n_i`` the users of the item, ``r_i`` those who took it at more than one time, and ``t_i``
    the trend, since what is no longer sold cannot be bought again.

    Attributes
    ----------
    trend_exponent : float
        γ.
    half_life_days : float
        Half-life of the trend, in days.
    """

    exclude_seen: bool = False
    trend_exponent: float = 1.0
    half_life_days: float = 15.0
    weights_: NDArray[np.float64] = field(
        default_factory=lambda: np.zeros(0), init=False, repr=False
    )

    def fit(self, interactions: Interactions, *, now: float) -> Self:
        """Count who came back; see `Estimator.fit`."""
        self._remember(interactions)
        trend = trend_factors(interactions, now=now, half_life_days=self.half_life_days)
        users, repeaters = _users_and_repeaters(interactions)
        rates = (repeaters + _PRIOR_REPEATS) / (users + _PRIOR_USERS)
        self.weights_ = rates * trend**self.trend_exponent
        return self

    def recommend_many(self, users: NDArray[Any], k: int) -> sparse.csr_matrix:
        """Return the best ``k`` items of many users; see `Estimator.recommend_many`."""
        counts = user_item_matrix(self._events_of(users))[users]
        if self.exclude_seen:
            return sparse.csr_matrix(counts.shape)
        counts.data = np.log1p(counts.data)
        return product_topk(
            counts, sparse.diags(self.weights_, format="csr"), k=k, threads=self.threads
        )

    def similar_items(self, item_id: str, k: int = 10) -> list[Neighbour]:  # noqa: ARG002
        """Return nothing: an item is bought again for its own sake."""
        self._fitted()
        return []


def _users_and_repeaters(
    interactions: Interactions,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each item the users who have it, and those who took it at several times."""
    times, items = interactions.times, interactions.items
    order = np.lexsort((times, items, interactions.users))
    times, items, users = times[order], items[order], interactions.users[order]
    same_pair = (users[1:] == users[:-1]) & (items[1:] == items[:-1])
    first = np.append(True, ~same_pair)[: users.size]
    again = np.append(False, same_pair & (times[1:] != times[:-1]))[: users.size]
    pairs = np.cumsum(first) - 1
    repeated = np.bincount(pairs, weights=again) > 0
    n_items = interactions.n_items
    owners = items[first]
    return (
        np.bincount(owners, minlength=n_items),
        np.bincount(owners[repeated], minlength=n_items),
    )
