"""Events of one user or session in spans of time, for what is owed to clicks."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from core.dynamodb.sharded import LAST
from core.validation import to_key
from recommendations.entities import Event
from recommendations.models import EventRow
from recommendations.storage.events import readable

Span = tuple[datetime, datetime]


def find(*, actor: str, spans: Iterable[Span], kinds: Collection[str]) -> list[Event]:
    """Return the events of some types in any of the spans, both ends included.

    Strongly consistent, and so not from the index by type. A span costs what the user did in it.
    """
    rows = (
        row
        for since, until in merged(spans)
        for row in EventRow.query(
            actor,
            EventRow.moment.between(to_key(since), f"{to_key(until)}#{LAST}"),
            EventRow.type.is_in(*sorted(kinds)),
            consistent_read=True,
        )
    )
    return list(readable(rows))


def merged(spans: Iterable[Span]) -> Sequence[Span]:
    """Return the same time as spans that do not overlap, in order."""
    result: list[Span] = []
    for since, until in sorted(spans):
        if result and since <= result[-1][1]:
            result[-1] = result[-1][0], max(until, result[-1][1])
        else:
            result.append((since, until))
    return result
