"""Turn records into products, customers and events, by the same rules as the API."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Generic, TypeVar

import msgspec

from core.validation import InvalidInputError, to_key, validate
from recommendations.entities import MAX_LINES, Event, EventInput, Item, Line
from recommendations.importing.columns import ATTRIBUTE_PREFIX, plain_name
from recommendations.importing.records import Record
from recommendations.importing.rejects import WHOLE_ROW, Reject
from users.entities import Customer

_T = TypeVar("_T")

_LINE_FIELDS = ("item_id", "quantity", "price")
_LIST_FIELDS = ("categories", "labels")
_LIST_SEPARATOR = "|"
_LINE_PATH = re.compile(r"^items\[0\]\.?")
_REMEMBERED_ORDERS = 200_000
_LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class Row(Generic[_T]):
    """What one or several lines of a file say, ready to be stored."""

    last_line: int
    value: _T


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRules:
    """How events are read.

    Attributes
    ----------
    now
        No event may be later than five minutes after it.
    default_type
        The type of an event that names none.
    timezone
        Of times that name none; without it such a time is refused.
    shift
        Added to every time.
    types
        Our types of events by the plain names that a file has for them.
    """

    now: datetime
    default_type: str = "purchase"
    timezone: tzinfo | None = None
    shift: timedelta = timedelta()
    types: Mapping[str, str] = field(default_factory=dict)


def reject(record: Record, details: Mapping[str, list[str]], *, flat: bool = False) -> Reject:
    """Return why a record is refused, with the fields as the file names them.

    ``flat`` files have no list of lines.
    """
    reason = {
        (_LINE_PATH.sub("", name) if flat else name) or WHOLE_ROW: texts
        for name, texts in details.items()
    }
    return Reject(record.line, reason, record.text, event_name(record) if flat else None)


def event_name(record: Record) -> str | None:
    """Return what names the event that a row is a line of, if anything does."""
    name = record.fields.get("event_id") or record.fields.get("order_id")
    return None if name is None else str(name)


def products(
    records: Iterable[Record | Reject], *, from_text: bool
) -> Iterator[Row[Item] | Reject]:
    """Read products; ``from_text`` when all values are text, as in CSV."""
    return _entities(records, Item, from_text=from_text)


def customers(
    records: Iterable[Record | Reject], *, from_text: bool
) -> Iterator[Row[Customer] | Reject]:
    """Read customers; ``from_text`` when all values are text, as in CSV."""
    return _entities(records, Customer, from_text=from_text)


def _entities(
    records: Iterable[Record | Reject], kind: type[_T], *, from_text: bool
) -> Iterator[Row[_T] | Reject]:
    for record in records:
        if isinstance(record, Reject):
            yield record
            continue
        fields = _nested(record.fields) if from_text else record.fields
        try:
            yield Row(record.last_line, validate(kind, fields, strict=not from_text))
        except InvalidInputError as error:
            yield reject(record, error.details)


def _nested(fields: Mapping[str, str]) -> dict[str, Any]:
    """Split lists at ``|`` and gather the columns that are attributes."""
    result: dict[str, Any] = {}
    attributes: dict[str, str] = {}
    for name, text in fields.items():
        if name in _LIST_FIELDS:
            parts = (part.strip() for part in text.split(_LIST_SEPARATOR))
            result[name] = [part for part in parts if part]
        elif name.startswith(ATTRIBUTE_PREFIX):
            attributes[name.removeprefix(ATTRIBUTE_PREFIX)] = text
        else:
            result[name] = text
    if attributes:
        result["attributes"] = attributes
    return result


def _with_timezone(value: object, zone: tzinfo | None) -> object:
    if zone is None or not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    if moment.tzinfo is not None:
        return value
    return moment.replace(tzinfo=zone).isoformat()


def _resolve(fields: dict[str, Any], rules: EventRules, *, strict: bool) -> Event:
    if fields.get("timestamp") is None:
        message = "This field is required in a file, so that a second import changes nothing."
        raise InvalidInputError({"timestamp": [message]})
    fields["timestamp"] = _with_timezone(fields["timestamp"], rules.timezone)
    if rules.types:
        name = plain_name(str(fields["type"]))
        fields["type"] = rules.types.get(name, fields["type"])
    event = validate(EventInput, fields, strict=strict)
    if rules.shift and event.timestamp is not None:
        try:
            moment = event.timestamp + rules.shift
        except OverflowError as error:
            message = "This time cannot be shifted."
            raise InvalidInputError({"timestamp": [message]}) from error
        event = msgspec.structs.replace(event, timestamp=moment)
    return event.resolve(now=rules.now)


def nested_events(
    records: Iterable[Record | Reject], rules: EventRules
) -> Iterator[Row[Event] | Reject]:
    """Read events that carry their lines, one event per record (JSON Lines)."""
    for record in records:
        if isinstance(record, Reject):
            yield record
            continue
        fields = {"type": rules.default_type, **record.fields}
        try:
            event = _resolve(fields, rules, strict=True)
        except InvalidInputError as error:
            yield reject(record, error.details)
            continue
        if record.fields.get("event_id") is None:
            event = _identified(event)
        yield Row(record.last_line, event)


def _identified(event: Event) -> Event:
    """Derive the id from the content, so that a second import finds the same event."""
    if event.order_id is not None:
        return msgspec.structs.replace(event, event_id=_event_id(f"o-{event.order_id}"))
    content = [
        event.actor,
        event.type,
        to_key(event.timestamp),
        *((line.item_id, line.quantity, str(line.price)) for line in event.items),
    ]
    digest = hashlib.blake2b(msgspec.json.encode(content), digest_size=12).hexdigest()
    return msgspec.structs.replace(event, event_id=f"i-{digest}")


def _event_id(text: str) -> str:
    """Return an id, in place of one that is too long to be named in a request its digest."""
    if len(text) <= _LONGEST_ID:
        return text
    return f"h-{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"


@dataclass(slots=True)
class _Order:
    key: tuple[object, ...]
    event: Event
    has_id: bool
    lines: list[Line]
    last_line: int
    part: int = 1

    def close(self) -> Row[Event]:
        event = msgspec.structs.replace(self.event, items=tuple(self.lines))
        if not self.has_id:
            event = _identified(event)
        if self.part > 1:
            event = msgspec.structs.replace(
                event, event_id=_event_id(f"{event.event_id}-{self.part}")
            )
        return Row(self.last_line, event)


class _Remembered:
    """The newest of many keys, in bounded memory."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lines: dict[int, int] = {}

    def add(self, key: tuple[object, ...], line: int) -> None:
        self._lines[hash(key)] = line
        if len(self._lines) > self._limit:
            del self._lines[next(iter(self._lines))]

    def line(self, key: tuple[object, ...]) -> int | None:
        return self._lines.get(hash(key))


def flat_events(
    records: Iterable[Record | Reject], rules: EventRules
) -> Iterator[Row[Event] | Reject]:
    """Read events with one line per record (CSV).

    Records that follow each other and agree on all that identifies an event are the lines of
    one. An event of more than 500 lines becomes several, whose ids end in ``-2``, ``-3`` ….
    """
    order: _Order | None = None
    earlier = _Remembered(_REMEMBERED_ORDERS)
    for record in records:
        if isinstance(record, Reject):
            yield record
            continue
        fields = {"type": rules.default_type, **record.fields}
        line = {name: fields.pop(name) for name in _LINE_FIELDS if name in fields}
        try:
            event = _resolve({**fields, "items": [line]}, rules, strict=False)
        except InvalidInputError as error:
            yield reject(record, error.details, flat=True)
            continue
        has_id = event.event_id == fields.get("event_id")
        key = (
            event.actor,
            event.timestamp,
            event.type,
            event.order_id,
            event.recommendation_id,
            event.event_id if has_id else None,
        )
        if order is not None and order.key == key:
            if len(order.lines) == MAX_LINES:
                yield order.close()
                order.part += 1
                order.lines = []
            order.lines += event.items
            order.last_line = record.last_line
            continue
        if order is not None:
            yield order.close()
            order = None
        if has_id or event.order_id is not None:
            if (begun := earlier.line(key)) is not None:
                problem = (
                    f"Other lines of this event begin at line {begun}; put all lines of an event "
                    "next to each other, or they would replace each other."
                )
                yield reject(record, {WHOLE_ROW: [problem]}, flat=True)
                continue
            earlier.add(key, record.line)
        order = _Order(key, event, has_id, list(event.items), record.last_line)
    if order is not None:
        yield order.close()


def whole_days_to(target: datetime, latest: datetime) -> timedelta:
    """Return the whole days by which ``latest`` must move to fall on the day of ``target``."""
    return timedelta(days=(target.date() - latest.astimezone(UTC).date()).days)
