"""What follows from events that were stored, corrected or withdrawn: profiles, counters, lists.

All of it is computed from what is stored at this moment, so it may be done again at any time.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from core.dynamodb.errors import BatchIncompleteError, is_transient
from recommendations.entities import SESSION_PREFIX
from recommendations.services import catalogue, lists, profiles, statistics
from recommendations.services.leases import JobError
from recommendations.storage.events import EventKey
from recommendations.storage.serving import ServingState
from users.services import customers

logger = logging.getLogger(__name__)

_THREADS = 4


def follow(*, keys: Collection[EventKey], item_ids: Collection[str]) -> dict[EventKey, Exception]:
    """Bring everything up to date with events; return those for which that failed, and why.

    Parameters
    ----------
    keys
        Of the events that have changed.
    item_ids
        The products they name; those that the catalogue never had are created.
    """
    actors = dict.fromkeys(actor for actor, _ in keys)
    users = [actor for actor in actors if not actor.startswith(SESSION_PREFIX)]
    # First: who is erased while we work must not be created again by what we have seen before.
    created = customers.ensure(user_ids=users)
    refreshed = refresh_profiles(users)
    for user_id in created:
        if refreshed[user_id] is False:
            customers.forget_bare(user_id=user_id)
    catalogue.ensure(item_ids=item_ids)
    failed = {key: error for key in keys if isinstance(error := refreshed.get(key[0]), Exception)}
    return failed | count(list(keys))


def refresh_profiles(user_ids: Sequence[str]) -> Mapping[str, bool | Exception]:
    """Refresh profiles side by side; return whether each user has events, or what went wrong."""

    def refresh(user_id: str) -> bool | Exception:
        try:
            return profiles.refresh(user_id=user_id).has_events
        except Exception as error:  # noqa: BLE001  # whatever it is, it is one user's alone
            return error

    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        futures = {each: pool.submit(copy_context().run, refresh, each) for each in user_ids}
    return {user_id: future.result() for user_id, future in futures.items()}


def count(
    keys: Sequence[EventKey], *, state: ServingState | None = None
) -> dict[EventKey, Exception]:
    """Count events; where that fails, find those that are at fault by halves, and return why."""
    try:
        left = statistics.apply(keys=keys, state=state)
    except Exception as error:  # noqa: BLE001  # whatever it is, the others must be counted
        if len(keys) == 1 or is_transient(error):
            return dict.fromkeys(keys, error)
        middle = len(keys) // 2
        return count(keys[:middle], state=state) | count(keys[middle:], state=state)
    return {key: BatchIncompleteError([key]) for key in left}


def refresh_lists() -> None:
    """Make the live lists if it is time to; what goes wrong there is only logged."""
    try:
        lists.refresh_if_due()
    except Exception:
        # The next batch makes them; this one has been handled.
        logger.exception("the live lists could not be made")


def count_in_job(keys: Sequence[EventKey], *, state: ServingState | None = None) -> int:
    """Count events in a job that can be started again; return how many cannot be counted.

    Raises
    ------
    JobError
        When DynamoDB refused more than it was asked again for.
    """
    failed = count(keys, state=state)
    for error in failed.values():
        if is_transient(error):
            message = "DynamoDB refused too much; start it again later, and it goes on"
            raise JobError(message) from error
    return len(failed)
