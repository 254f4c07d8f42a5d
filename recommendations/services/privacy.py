"""What the recommender knows about one customer: export it, erase it."""

from typing import Any

import msgspec

from recommendations.storage import events, serving

_PAGE = 500


def export(*, user_id: str) -> dict[str, list[Any]]:
    """Return all rows about a user as plain JSON data, by table."""
    rows: list[Any] = []
    position: Any = None
    while True:
        page = events.history(actor=user_id, limit=_PAGE, position=position, consistent=True)
        rows += [msgspec.to_builtins(event) for event in page.rows]
        position = page.next
        if position is None:
            break
    _, profile = serving.state_and_profile(user_id=user_id, consistent=True)
    return {
        "events": rows,
        "profiles": [] if profile is None else [msgspec.to_builtins(profile)],
    }


def erase(*, user_id: str) -> dict[str, int]:
    """Erase a user's events, then the profile made of them; return how many rows by table.

    The stream function sees the events go and finds nothing to make a profile of again.
    """
    return {
        "events": events.erase(actor=user_id),
        "profiles": int(serving.delete_profile(user_id=user_id)),
    }
