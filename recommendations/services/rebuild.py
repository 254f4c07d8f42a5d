"""Make everything that is derived from events anew: counters, their ledger, profiles, lists.

Counters are made as a new generation beside the one that is read. The stream counts each event in
both meanwhile, and counting is idempotent, so it does not matter who comes first. At the end all
readers are switched over at once, and what was there before is removed.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core.dynamodb.errors import is_transient
from recommendations.entities import SESSION_PREFIX
from recommendations.services import lists, realtime, statistics
from recommendations.services.jobs import JobError, Progress
from recommendations.storage import events, generations, serving
from recommendations.storage.events import EventKey
from recommendations.storage.generations import Rebuild

_PAGE = 200
_RESERVE_SECONDS = 60.0


def rebuild(
    progress: Progress,
    *,
    deadline: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Make all derived tables anew from the events; a run that was cut short goes on.

    Parameters
    ----------
    progress
        What the job reports through.
    deadline
        On the clock; the run stops a minute before, and the next one goes on from there.

    Returns
    -------
    dict
        How many events were counted, which of them could not be, and how many rows were removed.

    Raises
    ------
    JobError
        When it stops before the end; the message says what to do.
    """
    state = serving.state(consistent=True)
    found = generations.unfinished()
    current = (
        found
        if found is not None
        and found.generation in state.generations[1:]
        and found.preferences_number == state.preferences_number
        else generations.begin(state)
    )
    expected = max(1, statistics.counted(generation=state.generations[0]))
    progress.step("counting events", progress=0.0)
    broken = 0
    while page := events.keys_after(current.position, limit=_PAGE):
        if deadline is not None and clock() > deadline - _RESERVE_SECONDS:
            message = f"stopped in time after {current.rows} events; start it again to go on"
            raise JobError(message)
        broken += _follow(page, current)
        current = replace(current, position=page[-1], rows=current.rows + len(page))
        generations.save(current)
        progress.rows(len(page))
        progress.step("counting events", progress=min(0.9, 0.9 * current.rows / expected))
    progress.step("switching over", progress=0.9)
    if serving.state(consistent=True).preferences_number != current.preferences_number:
        message = "the settings were changed meanwhile; start it again"
        raise JobError(message)
    if not generations.switch(current):
        message = "another rebuild has begun meanwhile; let that one end"
        raise JobError(message)
    progress.step("removing what is out of date", progress=0.92)
    for user_id in generations.users_with_profiles():
        if not events.history(actor=user_id, limit=1, consistent=True).rows:
            serving.delete_profile(user_id=user_id)
    removed = sum(generations.sweep(live=current.generation))
    return {
        "events": current.rows,
        "broken": broken,
        "removed": removed,
        "lists": lists.refresh(),
    }


def _follow(page: list[EventKey], current: Rebuild) -> int:
    """Count events in the new generation and refresh their users; return how many are broken."""
    state = replace(serving.state(consistent=True), generations=(current.generation,))
    broken = realtime.count_in_job(page, state=state)
    users = dict.fromkeys(actor for actor, _ in page if not actor.startswith(SESSION_PREFIX))
    for user_id in users:
        # What is stored may be damaged, its digest too.
        serving.delete_profile(user_id=user_id)
    for outcome in realtime.refresh_profiles(list(users)).values():
        if isinstance(outcome, Exception) and is_transient(outcome):
            raise outcome
    return broken
