"""What customers do, over REST."""

import itertools
from datetime import datetime
from typing import Annotated, Any

import msgspec

from core.api.answers import RejectedRow
from core.api.bodies import read_rows
from core.api.errors import ApiError
from core.api.idempotency import Identity, identity_of
from core.api.operations import ApiView, operation
from core.api.queries import ListQuery, Query, Results, position_of, results
from core.validation import Id, InvalidInputError, Timestamp, check_moment, validate
from recommendations.entities import SESSION_PREFIX, Event, EventInput, EventType
from recommendations.services import events


def _given(field: str) -> dict[str, Any]:
    return {"required": [field], "properties": {field: {"type": "string"}}}


# What `EventInput` checks across fields, for those who read the schema.
_EventBody = Annotated[
    EventInput,
    msgspec.Meta(
        extra_json_schema={
            "allOf": [
                {"anyOf": [_given("user_id"), _given("session_id")]},
                {"anyOf": [{"properties": {"event_id": {"type": "null"}}}, _given("timestamp")]},
            ]
        }
    ),
]


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What identifies an event: who, when, and its id."""

    event_id: str
    timestamp: datetime
    user_id: str | None = None
    session_id: str | None = None


class IdentifiedRow(msgspec.Struct, frozen=True, kw_only=True):
    """The identity that the server gave to a row."""

    index: int
    event_id: str
    timestamp: datetime


class EventsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How many events were stored, what is wrong with the others, and the identities made."""

    accepted: int
    rejected: list[RejectedRow]
    identified: list[IdentifiedRow]


class HistoryQuery(ListQuery, frozen=True, kw_only=True):
    """``type``: only events of this kind."""

    type: EventType | None = None


class WithdrawQuery(Query, frozen=True, kw_only=True):
    """Whose event it is, and when it happened."""

    timestamp: Timestamp
    user_id: Id | None = None
    session_id: Id | None = None

    def __post_init__(self) -> None:
        check_moment("timestamp", self.timestamp)


class Events(ApiView):
    @operation(
        "Record events",
        scope="events:write",
        body=_EventBody | list[_EventBody],
        by_row=True,
        answer=StoredEvent | EventsAnswer,
        status=202,
        idempotent=True,
    )
    def post(self, body: Any) -> Any:
        """One event, or an array of up to 1,000: they are stored when the answer comes.

        Sending the same event again changes nothing; with other content it is a correction.
        """
        identity = identity_of(self.request)
        if isinstance(body, list):
            return _record_many(body, identity)
        event = _resolved(validate(EventInput, body), identity, index=0)
        events.record(events=[event])
        return StoredEvent(
            event_id=event.event_id,
            timestamp=event.timestamp,
            user_id=event.user_id,
            session_id=event.session_id,
        )


def _resolved(given: EventInput, identity: Identity, *, index: int) -> Event:
    event = given.resolve(now=identity.at)
    if given.event_id is None:
        event = msgspec.structs.replace(event, event_id=f"e-{identity.name(index)}")
    return event


def _record_many(body: list[Any], identity: Identity) -> dict[str, Any]:
    places = itertools.count()

    def read(raw: Any) -> tuple[EventInput, Event]:
        index = next(places)
        given = validate(EventInput, raw)
        return given, _resolved(given, identity, index=index)

    rows = read_rows(body, read)
    events.record(events=[event for _, (_, event) in rows.accepted])
    identified = [
        IdentifiedRow(index=index, event_id=event.event_id, timestamp=event.timestamp)
        for index, (given, event) in rows.accepted
        if given.event_id is None
    ]
    return {**rows.answer, "identified": identified}


class EventDetail(ApiView):
    @operation("Withdraw event", scope="events:write", query=WithdrawQuery, status=204)
    def delete(self, event_id: str, query: WithdrawQuery) -> None:
        """Removes an event, as for a returned order; every derived number follows."""
        if (query.user_id is None) == (query.session_id is None):
            message = "Give either `user_id` or `session_id`: whose event it is."
            raise InvalidInputError({"user_id": [message]})
        actor = query.user_id or f"{SESSION_PREFIX}{query.session_id}"
        if not events.withdraw(actor=actor, timestamp=query.timestamp, event_id=event_id):
            message = "There is no such event; check whose it is, its timestamp and its id."
            raise ApiError(404, message)


class UserEvents(ApiView):
    @operation(
        "List events of user", scope="events:read", query=HistoryQuery, answer=Results[Event]
    )
    def get(self, user_id: str, query: HistoryQuery) -> Any:
        """The history of a user, newest first; empty for an unknown one."""
        page = events.history(
            actor=user_id,
            limit=query.limit,
            position=position_of(self.request, query),
            kind=query.type,
        )
        return results(self.request, page)
