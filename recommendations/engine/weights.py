"""What an event is worth: the one place where event types and time decay enter."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

SECONDS_PER_DAY = 86_400.0

#: A dislike and an impression say nothing positive about the item, so they weigh nothing.
DEFAULT_EVENT_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "purchase": 1.0,
        "like": 0.7,
        "cart": 0.5,
        "click": 0.2,
        "view": 0.2,
        "impression": 0.0,
        "dislike": 0.0,
    }
)


def event_weight(event_type: str, *, weights: Mapping[str, float] = DEFAULT_EVENT_WEIGHTS) -> float:
    """Return the weight of one event of this type.

    Parameters
    ----------
    event_type : str
        One of the keys of ``weights``.
    weights : mapping of str to float
        Weight per event type; zero means that the event is no sign of interest.

    Raises
    ------
    ValueError
        If the type is unknown.
    """
    try:
        return weights[event_type]
    except KeyError:
        raise ValueError(f"unknown event type {event_type!r}") from None


def decay(times: NDArray[np.float64], *, now: float, half_life_days: float) -> NDArray[np.float64]:
    """Return the factor by which an event's age lowers its weight.

    Parameters
    ----------
    times : ndarray of float64, shape (n,)
        Event times in epoch seconds. A time after ``now`` counts as age zero.
    now : float
        Epoch seconds.
    half_life_days : float
        Age in days at which the factor is one half; ``inf`` switches the decay off.

    Returns
    -------
    ndarray of float64, shape (n,)
        Factors in (0, 1].
    """
    import numpy as np

    age_days = np.maximum(now - times, 0.0) / SECONDS_PER_DAY
    return np.exp2(-age_days / half_life_days)
