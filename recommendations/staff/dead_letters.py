"""Records of the stream that were given up: why, what they were about, and what to do with them."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from core.pages import Page
from core.staff.html import NOTHING, link, moment
from core.staff.links import list_url
from core.staff.resource import (
    Action,
    ActionError,
    Call,
    Column,
    Hint,
    Outcome,
    Panel,
    Query,
    Resource,
)
from core.validation import from_iso
from recommendations.services import dead_letters, events
from recommendations.services.dead_letters import DeadLetter
from recommendations.staff import cells


def _when(letter: DeadLetter) -> Any:
    return moment(from_iso(letter.letter_id.partition("#")[0]))


def _actor(letter: DeadLetter) -> Any:
    return NOTHING if letter.key is None else cells.actor_link(letter.key[0])


def _retry(call: Call) -> Outcome:
    if not dead_letters.retry(letter_id=call.row.letter_id):
        message = (
            "It failed again, and is kept. Correct the event, or run manage.py rebuild, which "
            "counts all events anew."
        )
        raise ActionError(message)
    return Outcome(
        message="Done: profiles, lists and counters have followed, and the record is gone.",
        url=list_url("dead-letters"),
        after={"done": True},
    )


def _discard(call: Call) -> Outcome:
    dead_letters.discard(letter_id=call.row.letter_id)
    return Outcome(message="The record is gone.", url=list_url("dead-letters"))


class DeadLetterResource(Resource):
    """What the stream function gave up."""

    name = "dead-letters"
    singular = "Failed record"
    plural = "Failed records"
    permission = "events:read"
    intro = (
        "Events that are stored, but that profiles, lists and counters could not follow. The "
        "others went on. A record is kept for 30 days."
    )
    columns = (
        Column("Written (UTC)", _when, "nowrap"),
        Column("Why", lambda row: row.reason, "long"),
        Column("User", _actor),
    )
    filters = cells.PERIOD_FILTERS
    actions = (
        Action(
            name="retry",
            label="Try again",
            permission="events:write",
            question="Try this record again, with what is stored now?",
            confirm_label="Try again",
            bulk=True,
            run=_retry,
            offered=lambda row: row.key is not None,
        ),
        Action(
            name="discard",
            label="Discard",
            permission="events:write",
            question=(
                "Discard this record for good? The event itself stays; what it should have changed "
                "follows with the next event of the same user, or a rebuild."
            ),
            confirm_label="Discard it",
            danger=True,
            bulk=True,
            run=_discard,
        ),
    )

    def page(self, query: Query) -> Page[DeadLetter]:
        return dead_letters.listing(
            limit=query.limit, position=query.position, period=cells.period(query)
        )

    def key(self, row: DeadLetter) -> str:
        return row.letter_id

    def title(self, row: DeadLetter) -> str:
        written = from_iso(row.letter_id.partition("#")[0])
        return f"Record of {written:%Y-%m-%d %H:%M:%S}"

    def find(self, key: str) -> DeadLetter | None:
        return dead_letters.find(letter_id=key)

    def empty(self, query: Query) -> Hint:
        if query.is_narrowed:
            return Hint(
                "Nothing that was written on these days has failed.",
                "All failed records",
                list_url(self.name),
            )
        return Hint(
            "Nothing has failed: profiles, lists and counters have followed every event. A record "
            "that they cannot follow would wait here, to be tried again or discarded."
        )

    def panels(self, request: HttpRequest, row: DeadLetter) -> Sequence[Panel]:  # noqa: ARG002  # for others
        facts = [("Written (UTC)", _when(row)), ("Why", row.reason), ("User", _actor(row))]
        return [
            Panel(
                title="About",
                template="staff/panels/facts.html",
                context={"facts": [*facts, ("Event", _event(row))]},
            )
        ]


def _event(letter: DeadLetter) -> Any:
    if letter.key is None:
        return NOTHING
    actor, at = letter.key
    timestamp, _, event_id = at.partition("#")
    try:
        event = events.find(actor=actor, timestamp=from_iso(timestamp), event_id=event_id)
    except ValueError:
        return "stored in a form that cannot be read"
    if event is None:
        return "no longer stored"
    summary = cells.EventSummary(event, ())
    return link(f"{summary.label} {event_id}", summary.url)
