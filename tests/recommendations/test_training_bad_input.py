"""Whatever is stored, training makes a sensible model or says what is wrong."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from core.dynamodb.connection import call
from recommendations import jobs, training
from recommendations.entities import Event, Item
from recommendations.models import EventRow, ItemRow
from recommendations.services import catalogue, events, report, versions
from recommendations.storage.serving import candidates
from tests.recommendations.factories import event

pytestmark = pytest.mark.usefixtures("dynamodb")

LONG = "ü" * 63 + "x-"


def pairs(users: int, *, first: str = "tea", second: str = "cup") -> list[Event]:
    return [
        event(f"u{n}", item, event_id=item[-20:], hours=n + later)
        for n in range(users)
        for item, later in ((first, 0), (second, 5))
    ]


def similar(item_id: str, version: str) -> list[str]:
    found = candidates(version=version, item_ids=[item_id]).neighbours
    return [row.item_id for row in found.get(item_id, [])]


def put_raw(rows: Iterable[dict[str, dict[str, object]]], *, table: type = EventRow) -> None:
    """Store rows as some other program might have left them."""
    for row in rows:
        call("PutItem", TableName=table.Meta.table_name, Item=row)


def raw_event(number: int, **changes: str | None) -> dict[str, dict[str, object]]:
    row: dict[str, str | None] = {
        "user_id": f"raw-{number}",
        "timestamp#event_id": "2026-11-01T12:00:00.000000Z#e",
        "type": "purchase",
        "lines": '[["tea",1,null]]',
        "month_shard": "2026-11#0",
        "entry": f"raw-{number}",
    }
    row.update(changes)
    return {name: {"S": value} for name, value in row.items() if value is not None}


DAMAGED: list[dict[str, str | None]] = [
    {"lines": None},
    {"lines": "[["},
    {"lines": "7"},
    {"lines": "[[]]"},
    {"lines": '[["te\\na",1,null]]'},
    {"lines": f'[["{"x" * 129}",1,null]]'},
    {"type": None},
    {"type": "sneeze"},
    {"timestamp#event_id": "yesterday#e"},
    {"timestamp#event_id": "0001-01-01T00:00:00#e"},
]


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param([event("ann", "tea")], id="one event"),
        pytest.param([event("ann", "tea", "cup", "pot")], id="one user"),
        pytest.param([event(f"u{n}", "tea", hours=n) for n in range(40)], id="one item"),
        pytest.param(
            [event(f"u{n}", "tea", kind="view", hours=0) for n in range(40)], id="one moment"
        ),
    ],
)
def test_hardly_anything_makes_a_model_that_serves_lists(stored: list[Event]) -> None:
    events.record(events=stored)

    result = jobs.train()

    assert result["published"]
    lists = candidates(version=result["version"], lists=["popular", "trending"]).lists
    assert "tea" in [item_id for item_id, _ in lists["popular"]]
    assert report.build(version=result["version"]).version.version == result["version"]


def test_only_impressions_and_dislikes_are_nothing_to_learn_from() -> None:
    events.record(
        events=[event("ann", "tea", kind=kind, event_id=kind) for kind in ("impression", "dislike")]
    )

    with pytest.raises(training.NothingToLearnError, match="import events first"):
        jobs.train()


def test_the_longest_ids_and_names_are_kept_whole() -> None:
    first, second = f"{LONG}1".ljust(128, "y"), f"{LONG}2".ljust(128, "z")
    user = "ä" * 128
    names = [
        Item(item_id=each, name="ß" * 500, categories=("ö" * 100,)) for each in (first, second)
    ]
    catalogue.save(items=names)
    sent = pairs(20, first=first, second=second)
    events.record(events=[*sent, event(user, first, second, event_id="ñ" * 128)])

    result = jobs.train()

    assert similar(first, result["version"]) == [second]


def test_rows_that_cannot_be_read_are_counted_and_cost_the_good_ones_nothing() -> None:
    events.record(events=pairs(30))
    clean = jobs.train()
    put_raw(raw_event(number, **changes) for number, changes in enumerate(DAMAGED))
    put_raw([{"item_id": {"S": "broken"}, "name": {"N": "7"}}], table=ItemRow)

    result = jobs.train()

    assert result["skipped"] == {"unreadable": len(DAMAGED), "unreadable products": 1}
    assert result["events"] == clean["events"]
    assert result["rows"]["neighbours_written"] == 0
    record = versions.find(version=result["version"])
    assert record is not None
    assert record.data["skipped"] == result["skipped"]


def test_when_no_row_can_be_read_the_live_model_stays_and_the_error_says_so() -> None:
    put_raw(raw_event(number, **changes) for number, changes in enumerate(DAMAGED))

    with pytest.raises(training.NothingToLearnError, match=f"{len(DAMAGED)} unreadable"):
        jobs.train()

    assert versions.live() is None


def test_events_from_the_future_are_left_out_and_counted() -> None:
    events.record(events=pairs(30))
    clean = jobs.train()
    ahead = datetime.now(UTC) + timedelta(days=3650)
    put_raw(
        raw_event(n, **{"timestamp#event_id": f"{ahead:%Y-%m-%dT%H:%M:%S}.000000Z#e"})
        for n in range(3)
    )

    result = jobs.train()

    assert result["skipped"] == {"future": 3}
    lists = candidates(version=result["version"], lists=["trending"]).lists
    assert lists == candidates(version=clean["version"], lists=["trending"]).lists
