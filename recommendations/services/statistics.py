"""Keep the counters in step with what is stored: exactly, whatever is delivered how often.

For each event that was touched, what it contributes as it is stored now is compared with what the
ledger says it has added so far, and the difference is added together with the ledger's new row, in
one transaction. So a counter is a function of the stored events alone.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from core.dynamodb.batch import chunks, pause
from core.dynamodb.errors import BatchIncompleteError
from core.dynamodb.transactions import LIMIT, ConditionFailedError
from core.validation import from_iso
from recommendations.entities import Event
from recommendations.preferences import Preferences
from recommendations.services import attribution
from recommendations.statistics import SHOP, Contributions, contributions
from recommendations.storage import events, serving
from recommendations.storage import statistics as storage
from recommendations.storage.events import EventKey
from recommendations.storage.serving import ServingState
from recommendations.storage.statistics import Change, Effects, effects_of

_CHUNK = 100
_TRIES = 8


def apply(*, keys: Collection[EventKey], state: ServingState | None = None) -> set[EventKey]:
    """Bring the counters up to date with events that were stored, corrected or withdrawn.

    Returns
    -------
    set
        The events for which that failed because others kept changing the same rows; nothing is
        half done, and the same call may succeed later.
    """
    state = state or serving.state(consistent=True)
    left: set[EventKey] = set()
    for generation in state.generations:
        for part in chunks(dict.fromkeys(keys), _CHUNK):
            left |= _Counting(generation, state.preferences).bring_up_to_date(part)
    return left


def take_back(*, actor: str) -> Iterator[int]:
    """Take back what the events of a user or session have added, once they are gone.

    Yields
    ------
    int
        How many events the ledger had, in parts; after the last none of them is left.

    Raises
    ------
    BatchIncompleteError
        With the events that others kept changing the same rows as; run it again.
    """
    state = serving.state(consistent=True)
    for part in chunks(sorted(storage.keys_of(actor)), _CHUNK):
        left = apply(keys=part, state=state)
        if left:
            raise BatchIncompleteError(sorted(left))
        yield len(part)
    # Of generations that nobody reads.
    storage.forget(actor)


def counted(*, generation: int) -> int:
    """Return how many events have been counted."""
    return storage.events_counted(generation=generation)


class _Counting:
    """The counting of one generation under certain settings."""

    def __init__(self, generation: int, preferences: Preferences) -> None:
        self._generation = generation
        self._preferences = preferences
        self._window = timedelta(days=preferences.attribution_days)

    def bring_up_to_date(
        self, keys: Collection[EventKey], *, following: bool = False
    ) -> set[EventKey]:
        """Count events anew; return those for which that failed.

        ``following`` is for carts and purchases that are only counted again because of a click.
        """
        pending = list(keys)
        for attempt in range(_TRIES):
            if attempt:
                pause(attempt)
            pending = self._once(pending, following=following, most=max(2, LIMIT >> attempt))
            if not pending:
                break
        return set(pending)

    def _once(self, keys: Sequence[EventKey], *, following: bool, most: int) -> list[EventKey]:
        """Try once, in transactions of so many writes; return what others have stood in for."""
        # Before the events: so what is computed from older events than others have counted by now
        # meets a ledger that has changed, and is not written.
        known = storage.effects(keys, generation=self._generation)
        stored = events.find_many(keys)
        clicks = [key for key in keys if _is_click(stored.get(key)) or _was_click(known[key])]
        if following:
            # What was a click and is none any more has a record of its own on its way.
            changing = set(keys).difference(clicks)
        else:
            affected = self._led_to_by(clicks).difference(clicks)
            # First: of a click that is gone, only its own row in the ledger tells a later try.
            if affected and self.bring_up_to_date(affected, following=True):
                return list(keys)
            changing = set(keys).difference(affected)
        wanted = self._wanted(stored)
        changes = [Change(key, known[key], wanted.get(key, {})) for key in sorted(changing)]
        pending: list[EventKey] = []
        for group in _groups(changes, most=most):
            try:
                for step in _steps(group):
                    storage.commit(step, generation=self._generation)
            except (ConditionFailedError, BatchIncompleteError):
                pending += [change.key for change in group]
        written = {change.key for change in changes if change.difference}
        return pending + self._outdated(written.difference(pending), wanted)

    def _outdated(
        self, keys: Collection[EventKey], written: Mapping[EventKey, Contributions]
    ) -> list[EventKey]:
        """Return the events that would count otherwise by now.

        Who was told of a change before we had written found nothing to do, and so left no mark in
        the ledger that could have stopped us.
        """
        latest = self._wanted(events.find_many(sorted(keys)))
        return [key for key in sorted(keys) if latest.get(key, {}) != written.get(key, {})]

    def _led_to_by(self, clicks: Iterable[EventKey]) -> set[EventKey]:
        """Return the carts and purchases that clicks may have led to."""
        clicked: dict[str, list[datetime]] = defaultdict(list)
        for actor, moment in clicks:
            clicked[actor].append(from_iso(moment.partition("#")[0]))
        return {
            events.key_of(event)
            for actor, moments in clicked.items()
            for event in attribution.followers(actor=actor, clicked_at=moments, window=self._window)
        }

    def _wanted(self, stored: dict[EventKey, Event]) -> dict[EventKey, Contributions]:
        by_actor: dict[str, list[Event]] = defaultdict(list)
        for event in stored.values():
            by_actor[event.actor].append(event)
        wanted: dict[EventKey, Contributions] = {}
        for actor, own in by_actor.items():
            clicks = attribution.clicks_before(actor=actor, events=own, window=self._window)
            for event in own:
                wanted[events.key_of(event)] = contributions(
                    event,
                    settings=self._preferences,
                    origin_of=attribution.origin_of,
                    clicks=clicks,
                )
        return wanted


def _is_click(event: Event | None) -> bool:
    return (
        event is not None
        and event.type == "click"
        and attribution.origin_of(event.recommendation_id) is not None
    )


def _was_click(known: Effects) -> bool:
    return any(
        key.table == "placement_stats" and key.name != SHOP and "clicks" in counts
        for key, counts in known.added.items()
    )


def _groups(changes: Iterable[Change], *, most: int) -> Iterator[list[Change]]:
    """Put changes together that fit into one transaction; one that fits into none stands alone."""
    # Those of the same products next to each other, so that their counters are written once.
    touching = [(change.difference.keys(), change) for change in changes]
    moving = [(touched, change) for touched, change in touching if touched]
    group: list[Change] = []
    rows: set[object] = set()
    for touched, change in sorted(moving, key=lambda pair: min(pair[0])):
        more = {change.key, *touched}
        if group and len(rows | more) > most:
            yield group
            group, rows = [], set()
        group.append(change)
        rows |= more
    if group:
        yield group


def _steps(group: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """Split the change of an event that touches more rows than a transaction takes.

    After each step the ledger says what has been added so far, so any may be the last one of a run
    that is cut short.
    """
    change = group[0]
    if len(group) > 1 or len(change.difference) < LIMIT:
        yield group
        return
    before = change.before
    for part in chunks(sorted(change.difference), LIMIT - 1):
        after = dict(before.added)
        for key in part:
            after.pop(key, None)
            if key in change.after:
                after[key] = change.after[key]
        yield [Change(change.key, before, after)]
        before = effects_of(after)
