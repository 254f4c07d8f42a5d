"""The report of a model version says how good it is and what it changes, in names."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from core.dynamodb.connection import call
from recommendations import jobs, reporting
from recommendations.entities import Item
from recommendations.models import EventRow
from recommendations.services import catalogue, events, report
from recommendations.staff.report import report_url
from tests.recommendations.factories import event, store_model
from users.services import accounts

pytestmark = pytest.mark.usefixtures("dynamodb")


@pytest.fixture
def version() -> str:
    """A shop with an older version of other neighbours, and the trained version that is live."""
    catalogue.save(items=[Item(item_id=f"p{n}", name=f"<Product> {n}") for n in range(8)])
    events.record(
        events=[
            event(f"u{n}", f"p{n % 4}", event_id=part, hours=n + later)
            for n in range(40)
            for part, later in (("first", 0), ("second", 9))
        ]
        + [event(f"u{n}", f"p{n % 4 + 4}", event_id="third", hours=n + 5) for n in range(40)]
    )
    store_model("2026-01-01T00:00Z-1", {"p0": [("p7", 0.5)]})
    # Left by some other program, and in no index.
    damaged = {"user_id": {"S": "x"}, "timestamp#event_id": {"S": "2026-11-01#e"}}
    call("PutItem", TableName=EventRow.Meta.table_name, Item=damaged)
    return str(jobs.train()["version"])


def test_it_names_the_products_whose_neighbours_changed(version: str) -> None:
    found = report.build(version=version)

    assert found.against is not None
    assert found.against.version == "2026-01-01T00:00Z-1"
    change = next(each for each in found.changes if each.product.item_id == "p0")
    assert [product.name for product in change.before] == ["<Product> 7"]
    assert change.after[0].name == "<Product> 4"
    assert change.kept == 0
    assert [product.item_id for product in change.gone] == ["p7"]
    assert change.new == change.after


def test_the_page_says_what_was_left_out_and_how_it_was_measured(version: str) -> None:
    found = report.build(version=version)
    holdout = {**found.version.data["holdout"], "events_share": 0.25, "refine_seconds": 40}
    skipped = {"unreadable": 1200, "future": 1}
    data = {**found.version.data, "holdout": holdout, "skipped": skipped, "resumed_items": 128}

    page = reporting.as_html(replace(found, version=replace(found.version, data=data)))

    for text in (
        "1,200 could not be read, 1 have a time that is yet to come",
        "a sample of the users, with 25% of the events",
        "for at most 40 seconds",
        "went on from 128 items",
        "Products with partners in the basket",
        'class="interval"',
    ):
        assert text in page


def test_it_shows_what_recently_active_users_would_see_with_either_version(version: str) -> None:
    found = report.build(version=version)

    assert len(found.users) == 6
    assert all(user.history and user.after for user in found.users)


def test_the_page_and_the_file_say_the_same_and_escape_names(
    version: str, client: Client, tmp_path: Path
) -> None:
    accounts.create(username="vera", password="correct-horse-9", role="viewer")
    client.login(username="vera", password="correct-horse-9")
    page = client.get(report_url(version)).content.decode()
    out = io.StringIO()
    call_command("evaluate", "--html", str(tmp_path / "report.html"), stdout=out)
    file = (tmp_path / "report.html").read_text(encoding="utf-8")

    for text in (page, file):
        assert "NDCG@20" in text
        assert "&lt;Product&gt; 7" in text
        assert "<Product>" not in text
    assert "<style>" not in page
    assert "<style>" in file
    assert "Recall@20" in out.getvalue()
    assert "Left out of the stored rows: 1 could not be read." in out.getvalue()
    assert "1 could not be read" in page


def test_the_page_needs_a_login_and_an_existing_version(version: str, client: Client) -> None:
    assert client.get(report_url(version)).status_code == 302
    accounts.create(username="vera", password="correct-horse-9", role="viewer")
    client.login(username="vera", password="correct-horse-9")

    assert client.get(report_url("v9")).status_code == 404


def test_without_a_version_the_command_says_what_to_do() -> None:
    with pytest.raises(CommandError, match="job train"):
        call_command("evaluate")
    with pytest.raises(CommandError, match="no model version v9"):
        call_command("evaluate", "v9")
