"""Any file is cut into records such that a broken one costs only itself."""

import gzip
import io
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from recommendations.importing import Plan, Reject, SourceError, rows
from recommendations.importing.records import CsvReader, Record, read_json_lines
from recommendations.importing.rows import EventRules, Row
from recommendations.importing.runner import Summary, _rows
from recommendations.importing.sources import MAX_LINE_BYTES, Line, Source

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULES = EventRules(now=NOW)


def csv_rows(text: bytes | str) -> list[Record | Reject]:
    data = text.encode() if isinstance(text, str) else text
    lines = [Line(number, line) for number, line in enumerate(data.splitlines(keepends=True), 1)]
    reader = CsvReader(lines)
    return list(reader.rows(reader.header))


def values(found: list[Record | Reject]) -> list[list[str] | str]:
    return [
        next(iter(row.reason.values()))[0] if isinstance(row, Reject) else list(row.fields.values())
        for row in found
    ]


def test_quotes_embedded_line_breaks_and_windows_line_ends_are_read() -> None:
    found = csv_rows('a,b\r\n1,"x, ""y"""\r\n2,"two\r\nlines"\r\n\r\n3,36"Black\r\n')

    assert values(found) == [["1", 'x, "y"'], ["2", "two\r\nlines"], ["3", '36"Black']]
    assert [(row.line, row.last_line) for row in found] == [(2, 2), (3, 4), (6, 6)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_separator_is_found_in_the_header(delimiter: str) -> None:
    assert values(csv_rows(f"a{delimiter}b\n1{delimiter}2\n")) == [["1", "2"]]


def test_an_unclosed_quote_does_not_swallow_the_rows_after_it() -> None:
    good = "".join(f"{number},good\n" for number in range(150))

    found = csv_rows(f'a,b\n1,"open\n{good}2,"also open\n{good}')

    rejected = [row for row in found if isinstance(row, Reject)]
    assert [row.line for row in rejected] == [2, 153]
    assert len(found) == 302
    assert "quote" in rejected[0].reason["row"][0].lower()


def test_a_broken_row_is_explained_and_reading_goes_on() -> None:
    found = csv_rows(b"a,b\n1,2,3\n4\n\xff,1\n5,\x00\n6,7\n")

    assert values(found) == [
        "This row has 3 columns, the header has 2; "
        "put values that contain the separator in quotes.",
        "This row has 1 columns, the header has 2; "
        "put values that contain the separator in quotes.",
        "This is not UTF-8; save the file as UTF-8, or mend this row.",
        "This row contains a NUL byte; remove it.",
        ["6", "7"],
    ]
    assert [row.line for row in found] == [2, 3, 4, 5, 6]


def test_json_lines_that_are_no_objects_are_explained() -> None:
    lines = [b'{"a": 1}', b"", b"[1]", b'{"a": ', b'{"a": "\xff"}', b"[" * 100_000, b'{"a": 2}']

    found = list(read_json_lines(Line(number, line) for number, line in enumerate(lines, 1)))

    assert [row.line for row in found if isinstance(row, Reject)] == [3, 4, 5, 6]
    assert [row.fields for row in found if isinstance(row, Record)] == [{"a": 1}, {"a": 2}]


def test_a_line_that_is_too_long_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_bytes(b'{"a": 1}\n' + b"x" * (3 * MAX_LINE_BYTES) + b'\n{"a": 2}\n')

    with Source(str(path)) as source:
        found = list(read_json_lines(source.lines()))

    assert [row.line for row in found] == [1, 2, 3]
    assert isinstance(found[1], Reject)
    assert "longer than 1 MB" in found[1].reason["row"][0]


def test_compression_and_a_byte_order_mark_are_seen_whatever_the_name(tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(gzip.compress(b'\xef\xbb\xbf{"a": 1}\n'))

    with Source(str(path)) as source:
        assert source.format() == "jsonl"
        assert [line.data for line in source.lines()] == [b'{"a": 1}\n']


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[{"a": 1}]', "JSON array"),
        ("a,b\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_files_that_cannot_be_read_are_named_with_a_way_out(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(SourceError, match=message), Source(str(path)) as source:
        source.format()


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"a,b\n1,2\n")))
    )

    with Source("-") as source:
        assert source.format() == "csv"
        assert [line.number for line in source.lines()] == [1, 2]


HEADER = ("order_id", "user_id", "timestamp", "item_id", "quantity", "price")


def flat(*lines: tuple[str, ...]) -> list[Record | Reject]:
    return [
        Record(number, number, dict(zip(HEADER, line, strict=False)), ",".join(line))
        for number, line in enumerate(lines, 2)
    ]


def line(order: str, item: str, *, user: str = "u", at: str = "2025-01-01T00:00:00Z") -> tuple:
    return (order, user, at, item, "2", "1.50")


def events(*records: Record | Reject, rules: EventRules = RULES) -> list[Row | Reject]:
    return list(rows.flat_events(records, rules))


def test_rows_of_one_order_become_one_event() -> None:
    found = events(*flat(line("1", "A"), line("1", "B"), line("2", "A"), line("2", "A", user="v")))

    assert [
        (row.value.event_id, row.value.user_id, [part.item_id for part in row.value.items])
        for row in found
    ] == [("o-1", "u", ["A", "B"]), ("o-2", "u", ["A"]), ("o-2", "v", ["A"])]
    assert [row.last_line for row in found] == [3, 4, 5]


def test_a_bad_row_of_an_order_costs_only_itself() -> None:
    bad = ("1", "u", "2025-01-01T00:00:00Z", "B", "none", "1.50")

    found = events(*flat(line("1", "A"), bad, line("1", "C")))

    assert found[0].reason == {"quantity": ["Expected `int`, got `str`."]}
    assert [part.item_id for part in found[1].value.items] == ["A", "C"]


def test_an_order_of_more_than_500_lines_becomes_several_events() -> None:
    found = events(*flat(*(line("1", str(number)) for number in range(1100))))

    assert [(row.value.event_id, len(row.value.items)) for row in found] == [
        ("o-1", 500), ("o-1-2", 500), ("o-1-3", 100),
    ]  # fmt: skip


def test_lines_of_an_order_that_are_apart_are_refused_rather_than_replacing_each_other() -> None:
    found = events(*flat(line("1", "A"), line("2", "A"), line("1", "B"), line("3", "A")))

    assert [row.value.event_id for row in found if isinstance(row, Row)] == ["o-1", "o-2", "o-3"]
    (reject,) = [row for row in found if isinstance(row, Reject)]
    assert reject.line == 4
    assert "begin at line 2" in reject.reason["row"][0]


def test_events_without_any_id_get_the_same_one_at_every_import() -> None:
    record = Record(2, 2, {"user_id": "u", "timestamp": "2025-01-01T00:00:00Z", "item_id": "A"}, "")
    other = record._replace(fields={**record.fields, "item_id": "B", "user_id": "v"})

    first, again, third = (events(row)[0].value for row in (record, record, other))

    assert first == again
    assert first.event_id != third.event_id


def test_times_without_a_zone_are_refused_unless_one_is_given() -> None:
    (record,) = flat(line("1", "A", at="2025-07-01 12:00:00"))

    (refused,) = events(record)
    (read,) = events(record, rules=EventRules(now=NOW, timezone=ZoneInfo("Europe/London")))

    assert "timezone" in refused.reason["timestamp"][0]
    assert read.value.timestamp == datetime(2025, 7, 1, 11, tzinfo=UTC)


def test_a_shift_is_applied_before_the_limits() -> None:
    (record,) = flat(line("1", "A", at="1999-07-01T12:00:00Z"))

    (refused,) = events(record)
    (read,) = events(record, rules=EventRules(now=NOW, shift=timedelta(days=3650)))
    (late,) = events(record, rules=EventRules(now=NOW, shift=timedelta(days=3_000_000)))

    assert "timestamp" in refused.reason
    assert read.value.timestamp == datetime(2009, 6, 28, 12, tzinfo=UTC)
    assert "timestamp" in late.reason


def test_products_and_customers_take_lists_and_attributes_from_columns(tmp_path: Path) -> None:
    items = tmp_path / "items.csv"
    items.write_text(
        "sku;Title;category;in stock;attributes.colour;shelf\nA;Mug;Kitchen | Gifts;false;red;9\n"
    )
    users = tmp_path / "users.csv"
    users.write_text("Customer ID,E-Mail Address\nu 1,a@example.com\nu#2,\n")
    summary = Summary()

    with Source(str(items)) as source:
        (item,) = _rows(source, Plan(kind="items", rules=RULES), summary)
    with Source(str(users)) as source:
        customer, reject = _rows(source, Plan(kind="users", rules=RULES), Summary())

    assert item.value.categories == ("Kitchen", "Gifts")
    assert item.value.available is False
    assert item.value.attributes == {"colour": "red"}
    assert summary.unused == ("shelf",)
    assert customer.value.email == "a@example.com"
    assert list(reject.reason) == ["user_id"]


def test_ids_made_of_long_ones_can_be_named_in_requests() -> None:
    long = "x" * 128

    def found(field: str, lines: int) -> list[str]:
        fields = {"user_id": "a", "timestamp": "2025-01-01T00:00:00Z", "item_id": "tea"}
        records = [Record(n, n, {**fields, field: long}, "") for n in range(1, lines + 1)]
        return [
            row.value.event_id for row in rows.flat_events(records, RULES) if isinstance(row, Row)
        ]

    for field, lines in (("order_id", 501), ("event_id", 501)):
        ids = found(field, lines)
        assert len(set(ids)) == 2
        assert ids == found(field, lines)
        assert all(len(event_id) <= 128 for event_id in ids)
    assert found("event_id", 1) == [long]
