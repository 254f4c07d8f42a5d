"""After a publish: new ready lists for those who are likely to come back soon."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import numpy as np

from core.dynamodb.batch import chunks
from recommendations.engine.interactions import Interactions
from recommendations.engine.weights import SECONDS_PER_DAY
from recommendations.entities import SESSION_PREFIX
from recommendations.services import profiles
from recommendations.training.timing import Timing

logger = logging.getLogger(__name__)

MAX_USERS = 1_000
ACTIVE_DAYS = 7.0
#: Seconds before the deadline at which to stop.
RESERVE = 10.0
_THREADS = 4


def recently_active(
    interactions: Interactions, *, now: float, max_users: int = MAX_USERS
) -> list[str]:
    """Return customers who did something in the last seven days, the latest first."""
    last = np.zeros(interactions.n_users, dtype=np.uint32)
    np.maximum.at(last, interactions.users, interactions.seconds)
    order = np.argsort(-last.astype(np.int64), kind="stable")
    active = order[last[order] >= now - ACTIVE_DAYS * SECONDS_PER_DAY]
    names = (interactions.user_ids[code] for code in active)
    customers = [name for name in names if not name.startswith(SESSION_PREFIX)]
    return customers[:max_users]


def refresh_profiles(
    user_ids: list[str],
    *,
    timing: Timing,
    on_rows: Callable[[int], None] = lambda _: None,
) -> int:
    """Compute the ready lists of users with the live model; return how many were.

    Everybody else's are computed when they come back, so nothing depends on this: what fails is
    left to that, and so is what there is no time for.
    """

    def refresh(user_id: str) -> bool:
        try:
            profiles.refresh(user_id=user_id)
        except Exception:
            logger.warning("a profile was not refreshed after the publish", exc_info=True)
            return False
        return True

    refreshed = 0
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        for part in chunks(user_ids, 5 * _THREADS):
            if timing.left < RESERVE:
                break
            futures = [pool.submit(copy_context().run, refresh, user_id) for user_id in part]
            done = sum(future.result() for future in futures)
            on_rows(len(part))
            if not done:
                break
            refreshed += done
    return refreshed
