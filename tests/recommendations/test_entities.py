"""Events and products are checked where they come in, with errors that say what to do."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from core.validation import InvalidInputError, validate
from recommendations.entities import EventInput, Item, ItemFields

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LINES = [{"item_id": "tea"}]


def check(**fields: Any) -> EventInput:
    return validate(EventInput, {"type": "view", "user_id": "ann", "items": LINES, **fields})


def test_an_order_keeps_ids_amounts_and_time_exactly() -> None:
    event = check(
        type="purchase",
        event_id="o-1",
        timestamp="2010-12-01T10:26:00+02:00",
        items=[{"item_id": "85123A", "quantity": 6, "price": "2.55"}],
    ).resolve(now=NOW)

    assert event.timestamp == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
    assert event.items[0].price == Decimal("2.55")
    assert event.actor == "ann"


def test_the_server_makes_what_identifies_an_event_that_has_no_identity() -> None:
    first, second = (check().resolve(now=NOW) for _ in range(2))

    assert first.event_id != second.event_id
    assert first.timestamp == NOW


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"user_id": None}, "", "user_id"),
        ({"user_id": ""}, "user_id", "length"),
        ({"user_id": "a#b"}, "user_id", "control characters"),
        ({"user_id": "a\n"}, "user_id", "control characters"),
        ({"user_id": "x" * 129}, "user_id", "length"),
        ({"user_id": 5}, "user_id", "str"),
        ({"type": "buy"}, "type", "Give one of: cart"),
        ({"items": []}, "items", "length"),
        ({"items": LINES * 501}, "items", "length"),
        ({"items": [{"item_id": "tea", "quantity": 0}]}, "items[0].quantity", ">= 1"),
        ({"items": [{"item_id": "tea", "price": "-1"}]}, "items[0]", "price"),
        ({"items": [{"item_id": "tea", "price": "NaN"}]}, "items[0]", "price"),
        ({"items": [{"quantity": 1}]}, "items[0].item_id", "required"),
        ({"colour": "red"}, "colour", "not known"),
        ({"event_id": "e-1"}, "", "timestamp"),
        ({"timestamp": "2026-11-01T00:00:00"}, "timestamp", "timezone"),
        ({"timestamp": "yesterday"}, "timestamp", "RFC3339"),
    ],
)
def test_a_wrong_event_is_refused_with_the_field_and_the_reason(
    fields: dict[str, Any], field: str, text: str
) -> None:
    with pytest.raises(InvalidInputError) as failure:
        check(**fields)

    ((name, reasons),) = failure.value.details.items()
    assert name == field
    assert text in " ".join(reasons)


@pytest.mark.parametrize("moment", ["1999-12-31T23:59:59Z", "2026-11-22T00:05:01Z"])
def test_a_time_before_2000_or_in_the_future_is_refused(moment: str) -> None:
    with pytest.raises(InvalidInputError, match="five minutes from now"):
        check(timestamp=moment).resolve(now=NOW)


def test_ids_are_any_printable_text() -> None:
    assert check(user_id="Zoë 🦊/%2F?.." + "é" * 100).user_id


@pytest.mark.parametrize("url", ["javascript:alert(1)", "/relative", "https://a b", "http://x\n"])
def test_only_web_addresses_are_taken_for_links(url: str) -> None:
    with pytest.raises(InvalidInputError):
        validate(ItemFields, {"name": "Tea", "url": url})


def test_text_numbers_are_read_where_files_have_nothing_else() -> None:
    item = validate(Item, {"item_id": "1", "name": "Tea", "available": "false"}, strict=False)

    assert item.available is False


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2.10", "2.10"),
        ("1.1234565", "1.123456"),
        (0.1 + 0.2, "0.300000"),
        ("1E+11", "100000000000.000000"),
        ("0E+999999", "0.000000"),
        ("1E-400", "0.000000"),
        (-0.0, "0.0"),
    ],
)
def test_a_price_is_kept_as_written_with_at_most_six_decimals(given: Any, kept: str) -> None:
    line = check(items=[{"item_id": "tea", "price": given}]).items[0]

    assert str(line.price) == kept
