"""What comes after what: a directed model for sessions and short histories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import sparse

from recommendations.engine.matrix import ranks_within
from recommendations.engine.models.base import NeighbourEstimator
from recommendations.engine.scaling import inverse_power, scale
from recommendations.engine.topk import product_topk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommendations.engine.interactions import Interactions


@dataclass(kw_only=True, eq=False)
class NextItem(NeighbourEstimator):
    """Co-occurrence in one direction: item j within a few steps after item i.

    A step is a moment at which a user did something; the items of one order are one step, since
    their order within the basket means nothing.

    .. math:: W_{ij} = \\frac{1}{n_i^a n_j^b} \\sum_{d=1}^{window} decay^{d-1} \\; \\#(i \\to_d j)

    Attributes
    ----------
    window : int
        Steps to look ahead.
    gap_decay : float
        Factor for each further step between the two items.
    position_decay : float
        In `recommend`, factor for each step further back in the history.
    row_exponent, column_exponent : float
        a and b.

    References
    ----------
    Ludewig, Jannach: "Evaluation of session-based recommendation algorithms", UMUAI 28, 2018.
    """

    window: int = 5
    gap_decay: float = 0.7
    position_decay: float = 0.7
    row_exponent: float = 1.0
    column_exponent: float = 0.1

    def fit(self, interactions: Interactions, *, now: float) -> Self:  # noqa: ARG002
        """Learn from the order of each user's events; see `Estimator.fit`."""
        self._remember(interactions)
        steps, users = _steps(interactions)
        before, after = [], []
        for distance in range(1, self.window + 1):
            # Users' steps are contiguous: a pair of rows is good when the user is the same.
            pairs = np.flatnonzero(users[distance:] == users[:-distance])
            before.append(steps[pairs] * self.gap_decay ** (distance - 1))
            after.append(steps[pairs + distance])
        counts = np.bincount(steps.indices, minlength=interactions.n_items).astype(np.float64)
        left = sparse.vstack(before, format="csr").T.tocsr()
        right = sparse.vstack(after, format="csr")
        self.table_ = product_topk(
            scale(left, rows=inverse_power(counts, self.row_exponent)),
            scale(right, columns=inverse_power(counts, self.column_exponent)),
            k=self.k,
            threads=self.threads,
            skip_diagonal=True,
        )
        return self

    def _histories(self, users: NDArray[Any]) -> sparse.csr_matrix:
        interactions = self._events_of(users)
        steps, owners = _steps(interactions)
        back = ranks_within(owners[::-1])[::-1]
        values = np.where(back < self.window, self.position_decay ** back.astype(np.float64), 0.0)
        weighted = scale(steps, rows=values)
        collect = sparse.csr_matrix(
            (np.ones(owners.size), (owners, np.arange(owners.size))),
            shape=(interactions.n_users, owners.size),
        )
        histories = (collect @ weighted).tocsr()
        histories.eliminate_zeros()
        return histories[users]


def _steps(interactions: Interactions) -> tuple[sparse.csr_matrix, NDArray[np.int32]]:
    """Return ones for the items of each step, in order of users and times, and the steps' users."""
    order = np.lexsort((interactions.items, interactions.times, interactions.users))
    users, times = interactions.users[order], interactions.times[order]
    new = np.ones(users.size, dtype=bool)
    new[1:] = (users[1:] != users[:-1]) | (times[1:] != times[:-1])
    steps = sparse.csr_matrix(
        (np.ones(users.size), (np.cumsum(new) - 1, interactions.items[order])),
        shape=(int(new.sum()), interactions.n_items),
    )
    steps.sum_duplicates()
    steps.data[:] = 1.0
    return steps, users[new]
