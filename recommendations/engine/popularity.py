"""What sells, over all time and lately: lists for newcomers, and the bar for every model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommendations.engine.weights import SECONDS_PER_DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommendations.engine.interactions import Interactions


def item_totals(interactions: Interactions, *, since: float = -np.inf) -> NDArray[np.float64]:
    """Return the summed weight of each item's events after a time in epoch seconds."""
    totals = np.zeros(interactions.n_items)
    for part in interactions.in_blocks():
        weights = np.where(part.times > since, part.weights, 0.0)
        totals += np.bincount(part.items, weights=weights, minlength=totals.size)
    return totals


def popular(interactions: Interactions, k: int) -> list[tuple[str, float]]:
    """Return the ``k`` items with the largest summed weight, ties by id."""
    return _largest(item_totals(interactions), interactions.item_ids, k)


def trending(
    interactions: Interactions, k: int, *, now: float, window_days: float = 14.0
) -> list[tuple[str, float]]:
    """Return the ``k`` items with the largest summed weight in the last days, ties by id.

    Parameters
    ----------
    interactions : Interactions
    k : int
    now : float
        Epoch seconds.
    window_days : float
        Length of the window in days.
    """
    totals = item_totals(interactions, since=now - window_days * SECONDS_PER_DAY)
    return _largest(totals, interactions.item_ids, k)


def _largest(
    totals: NDArray[np.float64], item_ids: tuple[str, ...], k: int
) -> list[tuple[str, float]]:
    order = np.argsort(-totals, kind="stable")[:k]
    return [(item_ids[code], float(totals[code])) for code in order if totals[code] > 0]
