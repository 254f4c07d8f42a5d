"""Count the events that no stream has followed, as after an import into a new shop.

`count` counts them in the rows that are read, newest first. The ledger keeps what has been counted,
so it may run beside the stream, be killed, and run again: it then only looks for what is missing.

`open_with` is for a shop that is not open yet: nothing else counts, so all is added up in memory
and written at once, in a new generation that is read once it is complete. It leaves the days of
products that lie further back to `count`, which are most of the rows and asked for least.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from core.validation import from_iso
from recommendations.entities import Event
from recommendations.preferences import Preferences
from recommendations.services import attribution, lists, realtime
from recommendations.services.jobs import JobError, Progress
from recommendations.statistics import TOTAL, Contributions, CounterKey, contributions, item_day
from recommendations.storage import events, everyones_events, generations, serving, statistics
from recommendations.storage.events import EventKey

_PAGE = 100
_RESERVE_SECONDS = 60.0
_STEP = "counting events, newest first"


def count(
    progress: Progress,
    *,
    deadline: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Count all events that have not been counted; a run that was cut short goes on.

    Parameters
    ----------
    progress
        What the job reports through.
    deadline
        On the clock; the run stops a minute before, and the next one goes on from there.

    Returns
    -------
    dict
        How many events were counted, and how many could not be.

    Raises
    ------
    JobError
        When it stops before the end; the message says what to do.
    """
    progress.step(_STEP, progress=0.0)
    newest = oldest = _day_of(everyones_events.oldest())
    position: Any = None
    counted = broken = 0
    while True:
        page = everyones_events.recent(limit=_PAGE, position=position)
        missing = _missing([events.key_of(event) for event in page.rows])
        failed = realtime.count_in_job(missing)
        counted += len(missing) - failed
        broken += failed
        progress.rows(len(page.rows))
        if position is None and page.rows:
            newest = page.rows[0].timestamp.date()
        position = page.next
        if position is None:
            break
        if page.rows:
            done = _share(newest, page.rows[-1].timestamp.date(), oldest)
            progress.step(_STEP, progress=done)
        if deadline is not None and clock() > deadline - _RESERVE_SECONDS:
            message = "stopped in time; start it again to go on"
            raise JobError(message)
    return {"events": counted, "broken": broken, "lists": lists.refresh()}


def open_with(*, item_days_since: date) -> int:
    """Count all events before a shop opens; nothing may count or change any meanwhile.

    Returns
    -------
    int
        How many events were counted; 0 when some had been before.
    """
    state = serving.state(consistent=True)
    if statistics.events_counted(generation=state.generations[0]):
        return 0
    rebuild = generations.begin(state)
    by_actor: dict[str, list[Event]] = defaultdict(list)
    for event in everyones_events.everything():
        by_actor[event.actor].append(event)
    counted = {
        events.key_of(event): _at_first(event, own, state.preferences, item_days_since)
        for own in by_actor.values()
        for event in own
    }
    statistics.fill(counted, generation=rebuild.generation)
    generations.switch(rebuild)
    lists.refresh()
    return len(counted)


def _at_first(
    event: Event, own: Sequence[Event], preferences: Preferences, since: date
) -> Contributions:
    """Return what an event adds, but for the days of products before a day."""
    found = contributions(
        event,
        settings=preferences,
        origin_of=attribution.origin_of,
        clicks=[each for each in own if each.type == "click"],
    )
    return {key: counts for key, counts in found.items() if not _is_item_day(key, before=since)}


def _is_item_day(key: CounterKey, *, before: date) -> bool:
    return key.table == "item_stats" and TOTAL != key.period < item_day(str(before))


def is_behind() -> bool:
    """Tell whether the oldest event has not been counted, which is the last one to be."""
    oldest = everyones_events.oldest()
    return oldest is not None and bool(_missing([oldest]))


def _missing(keys: Sequence[EventKey]) -> list[EventKey]:
    (generation, *_) = serving.state().generations
    known = statistics.effects(keys, generation=generation)
    return [key for key in keys if not _is_complete(known[key].added)]


def _is_complete(added: Contributions) -> bool:
    """Tell whether an event has been counted, on the days of its products too."""
    return any(key.table == "item_stats" and key.period != TOTAL for key in added)


def _day_of(key: EventKey | None) -> date:
    return datetime.now(UTC).date() if key is None else from_iso(key[1].partition("#")[0]).date()


def _share(newest: date, current: date, oldest: date) -> float:
    """Return how much of the time between the newest and the oldest event lies behind."""
    return min(0.98, (newest - current).days / max(1, (newest - oldest).days))
