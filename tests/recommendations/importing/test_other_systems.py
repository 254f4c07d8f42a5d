"""A shop moves here from Gorse or Recombee with its files as they are."""

import json
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from recommendations.entities import Item
from recommendations.importing.foreign import described, moment
from recommendations.services import catalogue, events
from users.entities import Customer
from users.services import customers

FILES = Path(__file__).parent / "files"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(FILES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def load(name: str, **options: Any) -> list[dict[str, Any]]:
    """Import a file; return its rejects."""
    rejects = Path(f"{name}.rejects.jsonl")
    with suppress(CommandError):
        call_command("import", name, **options)
        assert not rejects.exists()
        return []
    return [json.loads(line) for line in rejects.read_text().splitlines()]


def history(user_id: str) -> list[tuple[Any, ...]]:
    """Return a user's events, oldest first."""
    page = events.history(actor=user_id, limit=100)
    return [
        (event.type, f"{event.timestamp:%Y-%m-%dT%H:%M:%S}", event.items)
        for event in reversed(page.rows)
    ]


def lines(rows: list[tuple[Any, ...]]) -> list[tuple[str, str, list[tuple[str, int, str | None]]]]:
    return [
        (
            kind,
            at,
            [
                (line.item_id, line.quantity, None if line.price is None else str(line.price))
                for line in items
            ],
        )
        for kind, at, items in rows
    ]


@pytest.mark.usefixtures("dynamodb")
def test_users_of_gorse_keep_labels_subscriptions_and_names() -> None:
    (rejected,) = load("gorse_users.jsonl", kind="users")

    assert (rejected["line"], list(rejected["reason"])) == (5, ["user_id"])
    assert customers.find_many(user_ids=["1", "2", "3", "4"]) == {
        "1": Customer(
            user_id="1",
            name="Ada Byron",
            labels=("gardening", "light"),
            attributes={
                "gender": "female",
                "age": 34,
                "interests": "gardening, light",
                "subscribe": "newsletter, sale",
            },
        ),
        "2": Customer(user_id="2", labels=("vip", "north")),
        "3": Customer(user_id="3"),
        "4": Customer(user_id="4", name="four", labels=("old spelling",)),
    }


@pytest.mark.usefixtures("dynamodb")
def test_items_of_gorse_keep_categories_labels_time_and_whether_they_are_hidden(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (rejected,) = load("gorse_items.jsonl", kind="items")

    assert (rejected["line"], list(rejected["reason"])) == (4, ["published_at"])
    assert "Labels.embedding" in capsys.readouterr().err
    assert catalogue.find_many(item_ids=["lamp", "bulb", "shade", "bad"]) == {
        "lamp": Item(
            item_id="lamp",
            name="Brass desk lamp",
            categories=("Light", "Home"),
            labels=("retro", "brass"),
            attributes={"colour": "red", "tags": "retro, brass", "size.cm": 40},
            published_at=datetime(2024, 5, 1, 9, 30, 0, 123456, UTC),
        ),
        "bulb": Item(
            item_id="bulb",
            name="bulb",
            available=False,
            labels=("led", "e27"),
            published_at=datetime(2024, 6, 1, 1, 1, 1, tzinfo=UTC),
        ),
        "shade": Item(item_id="shade", name="Linen shade"),
    }


@pytest.mark.usefixtures("dynamodb")
def test_feedback_of_gorse_becomes_events_and_what_is_not_known_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rejected = load("gorse_feedback.jsonl", kind="feedback")

    assert [(row["line"], *row["reason"]) for row in rejected] == [(7, "type"), (8, "timestamp")]
    assert "--map share=TYPE" in rejected[0]["reason"]["type"][0]
    assert "comment, value" in capsys.readouterr().err
    orders = lines(history("1"))
    assert orders == [
        ("purchase", "2024-07-01T08:05:00", [("lamp", 1, None), ("bulb", 1, None)]),
        ("view", "2024-07-01T10:00:00", [("lamp", 1, None)]),
        ("like", "2024-07-01T10:01:00", [("lamp", 1, None)]),
    ]
    assert [row[0] for row in history("2")] == ["cart", "click"]

    # Once more, with what was missing: nothing is there twice.
    (rejected,) = load("gorse_feedback.jsonl", kind="events", map=["share=like"])
    assert rejected["line"] == 8
    assert [row[0] for row in history("2")] == ["cart", "click", "like"]
    assert lines(history("1")) == orders


@pytest.mark.usefixtures("dynamodb")
def test_interactions_of_recombee_are_told_by_the_names_of_their_files(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def recombee(name: str) -> list[int]:
        return [row["line"] for row in load(name, kind="events", system="recombee")]

    for name in ("ratings.jsonl", "cart_additions.jsonl", "bookmarks.csv", "detail_views.csv"):
        assert recombee(f"recombee_{name}") == []
    assert "additionaldata, duration" in capsys.readouterr().err
    assert recombee("recombee_purchases.csv") == [5]

    assert lines(history("ada")) == [
        ("like", "2025-07-06T21:12:33", [("lamp", 1, None)]),
        ("dislike", "2025-07-06T21:12:34", [("bulb", 1, None)]),
        ("view", "2025-07-06T21:12:43", [("lamp", 1, None)]),
        ("cart", "2025-07-06T21:13:20", [("shade", 3, "3.333333")]),
        ("purchase", "2025-07-07T08:00:00", [("lamp", 2, "2.10"), ("bulb", 1, "0.99")]),
    ]
    assert lines(history("bob")) == [
        ("view", "2025-07-06T21:12:33", [("shade", 1, None)]),
        ("view", "2025-07-06T21:12:43", [("bulb", 1, None)]),
        ("like", "2025-07-06T21:14:45", [("bulb", 1, None)]),
        ("purchase", "2025-07-08T08:00:00", [("cloth", 1, "7.50")]),
    ]
    (view,) = events.history(actor="ada", limit=5, kind="view").rows
    assert view.recommendation_id == "644c005f-aa99-4bce-aa55-a0c610e80df0"


@pytest.mark.usefixtures("dynamodb")
def test_items_and_users_of_recombee_keep_their_properties() -> None:
    assert load("recombee_items.csv", kind="items", system="recombee") == []
    assert load("recombee_users.jsonl", kind="users", system="recombee") == []

    assert catalogue.find_many(item_ids=["lamp", "bulb"]) == {
        "lamp": Item(
            item_id="lamp",
            name="Desk lamp",
            price=Decimal("25.90"),
            categories=("Light",),
            labels=("brass", "retro"),
            attributes={"brand": "Glow"},
            published_at=datetime(2025, 7, 20, 10, 11, 49, 39302, UTC),
        ),
        "bulb": Item(
            item_id="bulb",
            name="bulb",
            price=Decimal("0.99"),
            available=False,
            categories=("Light", "LED"),
        ),
    }
    assert customers.find(user_id="ada") == Customer(
        user_id="ada",
        email="ada@example.com",
        labels=("light",),
        attributes={"country": "GB", "interests": "light"},
    )


def test_names_of_types_may_be_given_for_our_own_files_too() -> None:
    header = "user_id,item_id,timestamp,type\n"
    row = "ada,lamp,2025-07-07T08:00:00Z,Gekauft\n"
    Path("own.csv").write_text(header + row, encoding="utf-8")

    assert "type" in load("own.csv", kind="events", dry_run=True)[0]["reason"]
    assert load("own.csv", kind="events", dry_run=True, map=["gekauft=purchase"]) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-05-01T09:30:00.123456789Z", "2024-05-01T09:30:00.123456Z"),
        ("2024-05-01T09:30:00+02:00", "2024-05-01T09:30:00+02:00"),
        ("2024-05-01 09:30:00.5 -0700 PDT", "2024-05-01T09:30:00.5-0700"),
        ("2024-05-01T09:30:00", "2024-05-01T09:30:00Z"),
        (1714555800, "2024-05-01T09:30:00Z"),
        ("1714555800.5", "2024-05-01T09:30:00.500000Z"),
        ("0001-01-01 00:00:00 +0000 UTC", None),
        ("soon", "soon"),
        (1e300, "1e+300"),
    ],
)
def test_times_of_all_spellings(value: Any, expected: str | None) -> None:
    assert moment(value) == expected


def test_what_is_beyond_our_limits_is_left_out_and_named() -> None:
    left_out: set[str] = set()
    found = described(
        {"tags": [f"t{n}" for n in range(60)], "text": "x" * 1001, "scores": [1, 2], "ok": True},
        field="Labels",
        left_out=left_out,
    )

    assert len(found["labels"]) == 50
    assert found["attributes"].keys() == {"tags", "ok"}
    assert len(left_out) == 3
