"""``manage.py import`` stores every good row, explains each bad one, and may be run again."""

import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core.dynamodb.connection import call, connection
from core.dynamodb.tables import table_name
from recommendations.importing import Plan, Source, run
from recommendations.importing.rows import EventRules
from recommendations.services import catalogue, events
from users.services import customers

HEADER = ["event_id", "user_id", "type", "timestamp", "item_id", "quantity", "price"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def good_row(number: int) -> list[str]:
    moment = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    return [
        f"e-{number}",
        f"u-{number % 7}",
        "view",
        moment.isoformat(),
        f"i-{number % 50}",
        "1",
        "2.50",
    ]


def broken(kind: int, row: list[str]) -> bytes:
    """Return a row broken in one of ten ways."""
    event_id, user_id, event_type, moment, item_id, quantity, price = row
    cases: list[list[str] | bytes] = [
        [event_id, "", event_type, moment, item_id, quantity, price],
        [event_id, user_id, "bought", moment, item_id, quantity, price],
        [event_id, user_id, event_type, "yesterday", item_id, quantity, price],
        [event_id, user_id, event_type, moment, "a#b", quantity, price],
        [event_id, user_id, event_type, moment, item_id, "-1", price],
        [event_id, user_id, event_type, moment, item_id, quantity, "2,50"],
        [event_id, user_id, event_type, moment, item_id],
        f'{event_id},{user_id},{event_type},{moment},"{item_id},1,2.50\n'.encode(),
        f"{event_id},{user_id},{event_type},{moment},\xe9,1,2.50\n".encode("latin-1"),
        f"{event_id},{user_id},{event_type},{moment},\0,1,2.50\n".encode(),
    ]
    case = cases[kind]
    return case if isinstance(case, bytes) else line(case)


def line(row: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue().encode()


def stored_ids(kind: str = "events") -> set[str]:
    found = call("Scan", TableName=table_name(kind))
    assert "LastEvaluatedKey" not in found
    key = "timestamp#event_id" if kind == "events" else f"{kind[:-1]}_id"
    return {row[key]["S"].rpartition("#")[2] for row in found["Items"]}


def rejects(path: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.usefixtures("dynamodb")
def test_a_thousand_broken_rows_of_ten_kinds_cost_no_good_one(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    expected: dict[int, int] = {}
    good: set[str] = set()
    with path.open("wb") as file:
        file.write(line(HEADER))
        for number in range(2000):
            row = good_row(number)
            if number % 2:
                expected[number + 2] = number // 2 % 10
                file.write(broken(number // 2 % 10, row))
            else:
                good.add(row[0])
                file.write(line(row))

    with pytest.raises(CommandError, match="1000 rows were rejected") as failure:
        call_command("import", str(path), kind="events", stdout=io.StringIO())

    assert failure.value.returncode == 1
    assert stored_ids() == good
    found = rejects(tmp_path / "events.csv.rejects.jsonl")
    assert {row["line"]: None for row in found} == dict.fromkeys(expected)
    fields = [
        "row",
        "type",
        "timestamp",
        "item_id",
        "quantity",
        "price",
        "row",
        "row",
        "row",
        "row",
    ]
    for row in found:
        assert list(row["reason"]) == [fields[expected[row["line"]]]]
        assert row["text"]
        assert row["file"] == str(path)
    assert (tmp_path / "events.csv.rejects.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("dynamodb")
def test_events_create_the_users_and_items_they_name_and_keep_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    path.write_text('{"item_id": "A", "name": "Mug"}\n')
    call_command("import", str(path), kind="items", stdout=io.StringIO())
    path = tmp_path / "events.jsonl"
    event = {
        "event_id": "1",
        "user_id": "17850",
        "type": "purchase",
        "timestamp": "2025-01-01T00:00:00Z",
        "items": [{"item_id": "A"}, {"item_id": "B", "quantity": 2, "price": "2.55"}],
    }
    path.write_text(json.dumps(event))

    call_command("import", str(path), kind="events", stdout=io.StringIO())
    before = [call("Scan", TableName=table_name(kind))["Items"] for kind in ("events", "items")]
    call_command("import", str(path), kind="events", stdout=io.StringIO())

    assert catalogue.find(item_id="A").name == "Mug"
    assert catalogue.find(item_id="B").name == "B"
    assert customers.find(user_id="17850") is not None
    assert [part.quantity for part in events.history(actor="17850", limit=10).rows[0].items] == [
        1,
        2,
    ]
    assert before == [
        call("Scan", TableName=table_name(kind))["Items"] for kind in ("events", "items")
    ]


@pytest.mark.usefixtures("dynamodb")
def test_a_dry_run_checks_and_stores_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(line(HEADER) + line(good_row(1)) + broken(1, good_row(2)))
    out = io.StringIO()

    with pytest.raises(CommandError, match="1 rows were rejected"):
        call_command("import", str(path), kind="events", dry_run=True, stdout=out)

    assert "1 events would be stored, 1 rows rejected" in out.getvalue()
    assert stored_ids() == stored_ids("users") == set()


@pytest.mark.usefixtures("dynamodb")
def test_the_last_event_is_moved_to_a_given_day(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(line(HEADER) + line(good_row(0)) + line(good_row(60 * 24 * 3)))

    call_command(
        "import", str(path), kind="events", last_event=date(2024, 6, 10), stdout=io.StringIO()
    )

    found = sorted(event.timestamp for event in events.recent(limit=10).rows)
    assert found == [datetime(2024, 6, 7, tzinfo=UTC), datetime(2024, 6, 10, tzinfo=UTC)]


@pytest.mark.usefixtures("dynamodb")
def test_when_dynamodb_fails_half_way_it_says_where_and_a_second_run_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(line(HEADER) + b"".join(line(good_row(number)) for number in range(100)))
    monkeypatch.setattr("core.dynamodb.batch._TRIES", 1)
    send = connection().dispatch
    writes = 0

    def fail_later(operation: str, params: dict[str, Any]) -> dict[str, Any]:
        nonlocal writes
        if operation == "BatchWriteItem" and table_name("events") in params["RequestItems"]:
            writes += 1
            if writes > 3:
                return {"UnprocessedItems": params["RequestItems"]}
        return send(operation, params)

    with monkeypatch.context() as patch:
        patch.setattr(connection(), "dispatch", fail_later)
        with pytest.raises(CommandError, match="Everything up to line 76 of") as failure:
            call_command("import", str(path), kind="events", batch=25, stdout=io.StringIO())

    assert failure.value.returncode == 2
    assert {f"e-{number}" for number in range(75)} <= stored_ids()
    call_command("import", str(path), kind="events", batch=25, stdout=io.StringIO())
    assert stored_ids() == {f"e-{number}" for number in range(100)}


@pytest.mark.usefixtures("dynamodb")
def test_a_cut_off_file_is_stored_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = gzip.compress(
        b"".join(
            json.dumps(
                {
                    "event_id": row[0], "user_id": row[1], "timestamp": row[3],
                    "items": [{"item_id": row[4]}],
                }
            ).encode() + b"\n"
            for row in map(good_row, range(500))
        )
    )  # fmt: skip
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(CommandError, match="damaged or cut off") as failure:
        call_command("import", str(path), kind="events", stdout=io.StringIO())

    assert failure.value.returncode == 2
    stored = len(stored_ids())
    assert stored > 50
    assert f"Everything up to line {stored} of" in str(failure.value)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, "is empty"),
        ("a,b\n1,2\n", {}, r"no column for item_id among a, b; name it with --map item_id=COLUMN"),
        ("a,b\n", {"map": ["nothing=a"]}, "no field 'nothing'"),
        ("a,b\n", {"map": ["user_id"]}, "write it as field=column"),
        ("a,b\n", {"map": ["user_id=c"]}, "no column 'c'; the file has: a, b"),
        ("sku,item\n", {}, "sku and item are both item_id"),
        ("a,b\n", {"timezone": "Mars/Base"}, "no such zone"),
        ("a,b\n", {"batch": 0}, "at least 1"),
    ],
)
def test_files_and_options_that_do_not_fit_are_refused_in_one_line(
    tmp_path: Path, content: str, options: dict[str, Any], message: str
) -> None:
    path = tmp_path / "events.csv"
    path.write_text(content)

    with pytest.raises(CommandError, match=message) as failure:
        call_command("import", str(path), kind="events", **options)

    assert failure.value.returncode == 2
    assert not (tmp_path / "events.csv.rejects.jsonl").exists()


def test_a_missing_file_and_rejects_over_the_input_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"cannot read nothing\.csv: No such file"):
        call_command("import", "nothing.csv", kind="events")
    path = tmp_path / "events.csv"
    path.write_text("a\n")
    with pytest.raises(CommandError, match="is a file to import"):
        call_command("import", str(path), kind="events", rejects=path)
    assert path.read_text() == "a\n"


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        path = tmp_path / f"{count}.csv"
        with path.open("wb") as file:
            file.write(line(HEADER))
            file.writelines(_rows_for(count))
        plan = Plan(kind="events", rules=EventRules(now=datetime.now(UTC)), dry_run=True, batch=500)
        tracemalloc.start()
        summary = run(Source(str(path)), plan, on_reject=lambda *_: None, progress=lambda *_: None)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert summary.stored == count
        return found

    peak(100)
    assert peak(20_000) < peak(2_000) + 200_000


def _rows_for(count: int) -> Iterator[bytes]:
    # No ids: those of the newest orders are remembered, up to a bound that is tested apart.
    return (line(["", *good_row(number)[1:]]) for number in range(count))
