"""Operators bring files in, and start, stop and repeat jobs, in a browser."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Page, expect

from project.aws.exports import ensure_bucket
from recommendations.services import events
from tests.e2e.conftest import PHONE, OpenAs
from tests.e2e.test_staff_pages import AXE_OPTIONS, TOO_WIDE
from tests.staff_shop import PASSWORD
from users.services import accounts

BUCKET = f"tests-browser-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
ORDERS = """Customer;Order;Moment;Product;Pieces
ada;1;2025-11-01T10:00:00Z;lamp;2
ada;1;2025-11-01T10:00:00Z;bulb;none
ben;2;2025-11-02T10:00:00Z;lamp;1
"""
# A job starts in a process of its own, on a machine that may be busy.
JOB_ENDS = 90_000

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture(scope="module")
def operator(dynamodb_of_the_module: None) -> Iterator[None]:
    ensure_bucket(BUCKET, region=os.environ["AWS_REGION"])
    accounts.create(username="operator", password=PASSWORD, role="operator")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "EXPORT_BUCKET", BUCKET)
        # For the processes of the jobs.
        patch.setenv("EXPORT_BUCKET", BUCKET)
        yield


def check(page: Page) -> None:
    """Everybody can use the page, on this screen."""
    expect(page.locator(".loading")).to_have_count(0)
    found = Axe().run(page, options=AXE_OPTIONS).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []
    assert not page.evaluate(TOO_WIDE), page.url


def upload(page: Page, path: Path) -> None:
    page.goto("/admin/imports/")
    page.set_input_files("#import-file", path)
    page.click("input[value='Upload']")
    expect(page.get_by_role("heading", name="Match columns")).to_be_visible()


def test_a_file_is_imported_and_what_it_rejects_is_mended_and_imported(
    open_as: OpenAs, tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS)
    page = open_as("operator", size=PHONE, scheme="dark")
    page.goto("/admin/imports/")
    check(page)

    upload(page, path)
    check(page)
    expect(page.get_by_label("Customer")).to_have_value("user_id")
    expect(page.locator(".columns")).to_contain_text("2025-11-01T10:00:00Z")
    page.get_by_label("Moment").select_option("timestamp")
    page.click("input[value='Check the rows']")

    page.click("text=Import these rows", timeout=JOB_ENDS)
    assert list(events.everything()) == [], "a check stores nothing"
    page.click("input[value='Import']")

    rejects = page.get_by_role("link", name="Download the rejected rows")
    expect(rejects).to_be_visible(timeout=JOB_ENDS)
    expect(page.locator(".problems").first).to_contain_text("Write a whole number")
    check(page)
    assert {event.user_id for event in events.everything()} == {"ada", "ben"}
    rejects.click()
    with page.expect_download() as download:
        page.click("input[value='Download']")
    mended = tmp_path / download.value.suggested_filename
    text = Path(download.value.path()).read_text()
    mended.write_text(text.replace("none", "3"))

    upload(page, mended)
    expect(page.get_by_label("import_problem")).to_have_value("-")
    page.get_by_label("Moment").select_option("timestamp")
    page.click("input[value='Check the rows']")
    page.click("text=Import these rows", timeout=JOB_ENDS)
    page.click("input[value='Import']")
    expect(page.get_by_role("link", name="Look at the events")).to_be_visible(timeout=JOB_ENDS)
    (order,) = events.history(actor="ada", limit=5).rows
    assert {line.item_id: line.quantity for line in order.items} == {"lamp": 2, "bulb": 3}


def test_a_job_is_started_cancelled_and_retried(open_as: OpenAs) -> None:
    page = open_as("operator")
    page.goto("/admin/jobs/")
    page.locator("tr", has_text="rebuild").get_by_role("link", name="Run").click()
    page.click("input[value='Rebuild']")
    page.get_by_role("link", name="Cancel").click()
    page.click("input[value='Cancel the job']")

    expect(page.locator(".job")).to_contain_text("Cancelled by operator", timeout=JOB_ENDS)
    page.get_by_role("link", name="Retry").click()
    page.click("input[value='Retry']")

    # What can be done with a job that has ended is offered without anybody reloading the page.
    again = page.get_by_role("link", name="Run again")
    expect(again).to_be_visible(timeout=JOB_ENDS)
    expect(page.locator(".job .badge")).to_have_text("succeeded")
    page.locator(".log summary").click()
    expect(page.locator(".log li").last).to_contain_text("done")
    check(page)
