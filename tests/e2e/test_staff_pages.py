"""Everybody can use every page of the staff site: any eyes, any hands, any screen."""

from collections.abc import Sequence

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import DESKTOP, PHONE, OpenAs
from tests.staff_shop import client_of, fill, walk

LARGEST_PAGE = 300_000
# Axe would load the style sheets again, from addresses that are not theirs.
AXE_OPTIONS = {
    "preload": False,
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
}
# All that a first visit loads, and more: as if nothing of it were compressed.
PAGE_SIZE = """
    [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .reduce((sum, entry) => sum + entry.decodedBodySize, 0)
"""
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def urls(dynamodb_of_the_module: None) -> Sequence[str]:
    fill()
    pages = [visit.url for visit in walk(client_of("administrator")) if visit.is_page]
    return [*pages, "/admin/items/?q=nothing", "/admin/items/unknown/"]


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"]
)
def test_every_page_fits_stands_still_is_small_and_accessible(
    urls: Sequence[str], open_as: OpenAs, size: dict, scheme: str
) -> None:
    page = open_as("administrator", size=size, scheme=scheme)
    axe = Axe()
    wrong: dict[str, list[object]] = {}
    for url in urls:
        found = _problems(page, url, axe)
        if found:
            wrong[url] = found
    assert wrong == {}


def _problems(page: Page, url: str, axe: Axe) -> list[object]:
    page.goto(url)
    expect(page.locator(".loading")).to_have_count(0)
    found: list[object] = [
        (rule["id"], [node["html"] for node in rule["nodes"]])
        for rule in axe.run(page, options=AXE_OPTIONS).response["violations"]
    ]
    if page.evaluate(TOO_WIDE):
        found.append("it is wider than the screen")
    if page.evaluate("window.shifted") > 0.01:
        found.append(f"what is on it moved by {page.evaluate('window.shifted'):.3f}")
    if page.evaluate(PAGE_SIZE) > LARGEST_PAGE:
        found.append(f"it loads {page.evaluate(PAGE_SIZE):,} bytes")
    return found


def test_the_first_page_is_painted_before_what_draws_its_charts_is_there(
    urls: Sequence[str], open_as: OpenAs
) -> None:
    page = open_as("viewer")
    held: list[Route] = []
    page.context.route("**/uPlot.iife*", held.append)

    page.goto("/admin/", wait_until="commit")
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    assert held, "the script has been asked for, and not been answered"
    for route in held:
        route.continue_()
    page.wait_for_load_state()
