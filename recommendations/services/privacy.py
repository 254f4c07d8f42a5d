"""What the recommender knows about one customer: export it, erase it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from recommendations.services import statistics
from recommendations.storage import dead_letters, events, serving
from recommendations.storage import statistics as ledger

_PAGE = 500


def export(*, user_id: str) -> dict[str, list[Any]]:
    """Return all rows about a user as plain JSON data, by table.

    Of the ledger only what it has of events that are gone: all else says what the events say.
    """
    page = events.history(actor=user_id, limit=_PAGE, consistent=True)
    found = list(page.rows)
    while page.next is not None:
        page = events.history(actor=user_id, limit=_PAGE, position=page.next, consistent=True)
        found += page.rows
    gone = ledger.keys_of(user_id).difference(map(events.key_of, found))
    _, profile = serving.state_and_profile(user_id=user_id, consistent=True)
    return {
        "dead_letters": [msgspec.to_builtins(row) for row in dead_letters.of_actor(user_id)],
        "event_effects": [list(key) for key in sorted(gone)],
        "events": [msgspec.to_builtins(event) for event in found],
        "profiles": [] if profile is None else [msgspec.to_builtins(profile)],
    }


def erase(*, user_id: str) -> Iterator[tuple[str, int]]:
    """Erase a user's events, then what was made of them; yield table and rows part by part.

    What the events have added to counters is taken back. The stream function sees the events go
    and finds nothing to make anything of again. Who stops after any part may begin again.
    """
    letters = dead_letters.of_actor(user_id)
    while erased := events.erase(actor=user_id, limit=_PAGE):
        yield "events", erased
    yield from (("event_effects", taken) for taken in statistics.take_back(actor=user_id))
    yield "dead_letters", dead_letters.delete(letter.letter_id for letter in letters)
    yield "profiles", int(serving.delete_profile(user_id=user_id))
