"""How much of an item's interest is recent: the factor that lets fashions and seasons pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommendations.engine.weights import decay

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommendations.engine.interactions import Interactions

# Shrink items with little weight towards "not recent", without ever reaching zero.
_PRIOR_RECENT = 0.1
_PRIOR_TOTAL = 1.0


def trend_factors(
    interactions: Interactions, *, now: float, half_life_days: float
) -> NDArray[np.float64]:
    """Return for each item the decayed share of its weight, between 0 and 1.

    .. math:: t_j = \\frac{0.1 + \\sum_e w_e 2^{-age(e) / h}}{1 + \\sum_e w_e}

    Parameters
    ----------
    interactions : Interactions
    now : float
        Epoch seconds.
    half_life_days : float
        h, in days.

    Returns
    -------
    ndarray of float64, shape (n_items,)
    """
    n_items = interactions.n_items
    recent, total = np.zeros(n_items), np.zeros(n_items)
    for part in interactions.in_blocks():
        weights = part.weights
        factors = decay(part.times, now=now, half_life_days=half_life_days)
        recent += np.bincount(part.items, weights=weights * factors, minlength=n_items)
        total += np.bincount(part.items, weights=weights, minlength=n_items)
    trend: NDArray[np.float64] = (recent + _PRIOR_RECENT) / (total + _PRIOR_TOTAL)
    return trend
