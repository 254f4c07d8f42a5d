"""Everybody can use every page of the staff site: any eyes, any hands, any screen."""

import json
from collections.abc import Sequence

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import DESKTOP, PHONE, OpenAs
from tests.staff_shop import client_of, fill, walk

LARGEST_PAGE = 300_000
# Axe would load the style sheets again, from addresses that are not theirs.
AXE_OPTIONS = {"preload": False, "resultTypes": ["violations"]}
EVERYTHING = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# What colours and the room there is can change of it.
CHANGING = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"]
# All that a first visit loads, and more: as if nothing of it were compressed.
PAGE_SIZE = """
    [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .reduce((sum, entry) => sum + entry.decodedBodySize, 0)
"""
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def urls(dynamodb_of_the_module: None) -> Sequence[str]:
    """Return each page that looks like no other: not one for each filter and each question."""
    fill()
    pages: dict[str, str] = {}
    for visit in walk(client_of("administrator")):
        if visit.is_page:
            form = (visit.answer.context or {}).get("form")
            fields = "" if form is None else str(sorted(form.fields))
            looks = visit.name if visit.name.endswith("_list") else _shape(visit.url)
            pages.setdefault(fields if visit.name.endswith("_action") else looks, visit.url)
    return [*pages.values(), "/admin/items/?q=nothing"]


def _shape(url: str) -> str:
    """Return an address but for what is asked."""
    path, _, query = url.partition("?")
    return f"{path}?{sorted(part.partition('=')[0] for part in query.split('&'))}"


@pytest.mark.parametrize(
    ("size", "scheme", "rules"),
    [
        (DESKTOP, "light", {"type": "tag", "values": EVERYTHING}),
        (PHONE, "dark", {"type": "rule", "values": CHANGING}),
    ],
    ids=["desktop", "phone"],
)
def test_every_page_fits_stands_still_is_small_and_accessible(
    urls: Sequence[str], open_as: OpenAs, size: dict, scheme: str, rules: dict
) -> None:
    page = open_as("administrator", size=size, scheme=scheme)
    axe = Axe()
    wrong: dict[str, list[object]] = {}
    for url in urls:
        found = _problems(page, url, axe, rules)
        if found:
            wrong[url] = found
    assert wrong == {}, json.dumps(wrong, indent=1)


def _problems(page: Page, url: str, axe: Axe, rules: dict) -> list[object]:
    page.goto(url)
    expect(page.locator(".loading")).to_have_count(0)
    found: list[object] = [
        (rule["id"], [node["html"] for node in rule["nodes"]])
        for rule in axe.run(page, options={**AXE_OPTIONS, "runOnly": rules}).response["violations"]
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
    page.context.route("**/uPlot.iife*", lambda route: held.append(route))

    page.goto("/admin/", wait_until="commit")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.wait_for_timeout(100)

    assert page.evaluate("performance.getEntriesByName('first-contentful-paint').length") == 1
    assert held, "the script has been asked for, and not been answered"
    for route in held:
        route.continue_()
    page.wait_for_load_state()
