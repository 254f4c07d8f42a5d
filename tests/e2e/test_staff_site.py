"""The staff site in a browser: each page's main task, as the role that does it."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from core import audit, usage
from recommendations.services import placements, versions
from tests.e2e.conftest import PHONE, OpenAs
from tests.staff_shop import fill

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture(scope="module")
def shop(dynamodb_of_the_module: None) -> None:
    fill()


# Playwright itself waits for the next page; what the present one says meanwhile is kept.
NOTE_BUSY = """
    new MutationObserver(() => {
        sessionStorage.setItem('busy', document.getElementById('changelist').ariaBusy);
    }).observe(document.getElementById('changelist'), {attributeFilter: ['aria-busy']});
"""


class Person:
    """Somebody at the overview, who clicks on what they see; the clicks are counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def click(self, name: str, *, role: str = "link") -> None:
        self._click(self.page.locator("#container").get_by_role(role, name=name, exact=True).first)

    def click_first(self, selector: str) -> str:
        """Click on the first of several, and return what it says."""
        target = self.page.locator(selector).first
        text = target.inner_text()
        self._click(target)
        return text

    def _click(self, target: Locator) -> None:
        expect(target).to_be_visible()
        target.click()
        self.clicks += 1

    def search(self, text: str) -> None:
        self.page.get_by_role("search").get_by_role("textbox").fill(text)
        self.page.keyboard.press("Enter")
        expect(self.page).to_have_url(re.compile("q="))

    def sees(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.locator("#content-start")).to_contain_text(text)


def newest() -> audit.Entry:
    return audit.listing(limit=1).rows[0]


# Three things that somebody new to it can do without reading anything.


def test_why_a_user_is_shown_a_product_takes_five_clicks_at_most(open_as: OpenAs) -> None:
    ann = Person(open_as("viewer"))

    ann.click("Users")
    ann.search("u07")
    ann.click_first("#result_list th a")

    first = ann.page.locator(".recommended > li").first
    expect(first).to_contain_text("bought")
    expect(first.locator(".share").first).to_contain_text("%")
    assert ann.clicks <= 5


def test_hiding_a_product_everywhere_takes_five_clicks_at_most(open_as: OpenAs) -> None:
    page = open_as("merchandiser")
    page.goto("/admin/users/u07/")
    shown = page.locator(".recommended .head a").first.inner_text()
    page.goto("/admin/")
    ann = Person(page)

    ann.click("Items")
    ann.search(shown)
    ann.click_first("#result_list th a")
    ann.click("Hide everywhere")
    ann.click("Hide it", role="button")

    ann.sees("is hidden")
    assert ann.clicks <= 5
    page.goto("/admin/users/u07/")
    expect(page.locator(".recommended > li").first).to_be_visible()
    again = page.locator(".recommended .head a", has_text=re.compile(f"^{shown}$"))
    expect(again).to_have_count(0)


def test_rolling_back_a_bad_model_takes_five_clicks_at_most(open_as: OpenAs) -> None:
    before = versions.live()
    ann = Person(open_as("operator"))

    ann.click("Models")
    ann.click_first("#result_list tbody tr:nth-child(2) th a")
    ann.click("Roll back to this")
    ann.click("Roll back", role="button")

    ann.sees("is live now")
    assert ann.clicks <= 5
    assert versions.live() < before
    assert newest().before == {"live": before}


# What else each page is for.


def test_a_viewer_finds_users_by_label_and_everybodys_events_with_an_item(open_as: OpenAs) -> None:
    ann = Person(open_as("viewer"))
    ann.click("Users")
    ann.click_first("#result_list td .badge")
    expect(ann.page.get_by_label("By label")).to_have_value("vip")

    ann.click("Events")
    ann.page.get_by_label("By item").fill("p3")
    ann.click("Apply", role="button")
    rows = ann.page.locator("#result_list tbody tr")
    expect(rows.first).to_contain_text("Cake stand")
    first = rows.all_inner_texts()
    ann.click("Next ›")
    expect(ann.page).to_have_url(re.compile("item=p3&cursor="))
    expect(rows.first).to_contain_text("Cake stand")
    assert not set(first) & set(rows.all_inner_texts())
    ann.click("‹ Previous")
    expect(rows.first).to_contain_text(first[0].split("\t")[0])
    ann.click_first("#result_list th a")
    ann.sees("Items (2)")


def test_an_operator_asks_what_if_edits_and_erases_a_user(open_as: OpenAs) -> None:
    page = open_as("operator")
    page.goto("/admin/users/u11/")
    ann = Person(page)
    ann.click_first("text=What if not?")
    expect(page.locator(".compared .recommended").nth(1)).to_be_visible()

    page.goto("/admin/users/u11/")
    ann.click("Edit")
    page.get_by_label("Labels").fill("vip, lapsed")
    ann.click("Save", role="button")
    ann.sees("is saved")
    ann.click("Erase")
    page.locator("#id_typed").fill("u12")
    ann.click("Erase for ever", role="button")
    ann.sees("This is not u11")
    page.locator("#id_typed").fill("u11")
    ann.click("Erase for ever", role="button")
    ann.sees("Found afterwards")
    assert newest().action == "users.erase"


def test_a_merchandiser_pins_several_items_and_adds_one(open_as: OpenAs) -> None:
    page = open_as("merchandiser")
    ann = Person(page)
    ann.click("Items")
    for name in ("Saucer", "Spoon"):
        page.get_by_label(f"Tick {name}").check()
    ann.click("Pin", role="button")
    ann.sees("Pin these 2 items")
    page.get_by_label("Where").select_option("home")
    ann.click("Pin", role="button")
    ann.sees("pinned in home")
    stored = placements.find(name="home")
    assert stored is not None
    assert [pin.item_id for pin in stored.placement.rules.pin] == ["p1", "p6"]

    ann.click("Add item")
    ann.click("Add", role="button")
    expect(page.locator(".errorlist").first).to_contain_text("required")
    page.locator("#id_item_id").fill("p9")
    page.get_by_label("Name").fill("Ladle")
    ann.click("Add", role="button")
    ann.sees("Ladle is in the catalogue")


def test_a_merchandiser_sees_what_a_rule_does_before_it_is_saved(open_as: OpenAs) -> None:
    page = open_as("merchandiser")
    page.goto("/admin/placement-editor/")
    page.fill("#id_name", "front")
    page.fill("#id_pin-0-item_id", "p1")
    page.fill("#id_pin-0-position", "1")
    page.locator("[data-rows=pin] [data-add-row]").click()
    page.fill("#id_pin-1-item_id", "p2")
    page.fill("#id_pin-1-position", "3")
    page.click("#preview-button")

    expect(page.locator(".preview .recommended").nth(1)).to_contain_text("Pin p1 to position 1")
    assert placements.find(name="front") is None
    page.click("input[value='Save']")
    expect(page.locator(".messagelist")).to_contain_text("shown as front")
    stored = placements.find(name="front")
    assert stored is not None
    assert [pin.position for pin in stored.placement.rules.pin] == [1, 3]


def test_a_merchandiser_previews_and_saves_the_settings(open_as: OpenAs) -> None:
    page = open_as("merchandiser")
    ann = Person(page)
    ann.click("Settings")
    page.get_by_label("View").fill("3")
    page.get_by_label("Try with user").fill("u07")
    ann.click("Preview", role="button")
    ann.sees("With these settings")
    ann.click("Save", role="button")
    ann.sees("Saved")


def test_a_merchandiser_starts_an_experiment_and_lets_a_variant_win(open_as: OpenAs) -> None:
    ann = Person(open_as("merchandiser"))
    ann.click("Experiments")
    ann.click("Start an experiment")
    ann.page.get_by_label("Placement").select_option("home")
    ann.page.get_by_label("Name").fill("winter")
    ann.page.get_by_label("Others see").select_option("popular")
    ann.click("Start it", role="button")
    expect(ann.page.locator(".messagelist")).to_contain_text("winter runs")
    ann.sees("control 50 %, other 50 %")
    expect(ann.page.get_by_role("heading", name="Variants side by side")).to_be_visible()

    ann.click("Adopt a variant")
    ann.page.get_by_label("Variant").select_option("other")
    ann.click("Adopt it", role="button")

    expect(ann.page.locator(".messagelist")).to_contain_text("home is its variant other now")
    ann.sees("adopted other")
    stored = placements.find(name="home")
    assert stored is not None
    assert (stored.placement.recommender, stored.placement.experiment) == ("popular", None)
    assert newest().action == "experiments.adopt"


def test_two_models_stand_beside_each_other_with_what_changes(open_as: OpenAs) -> None:
    ann = Person(open_as("viewer"))
    ann.click("Models")
    expect(ann.page.locator(".chart canvas")).to_be_visible()
    ann.click("Compare two")

    ann.sees("Recall@20 of the popular list")
    expect(ann.page.locator(".loading")).to_have_count(0)
    expect(ann.page.locator(".samples .recommended").first).to_be_visible()
    ann.page.get_by_label("Sample users").fill("u07")
    ann.click("Compare", role="button")
    ann.sees("What is recommended to u07")


def test_a_viewer_sees_what_requests_cost(
    open_as: OpenAs, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.USAGE_SECONDS = 3600
    monkeypatch.setattr(usage, "_sums", usage._Sums())
    ann = Person(open_as("viewer"))
    usage.flush()
    ann.click("Costs")

    ann.sees("GET /admin/")
    ann.page.get_by_label("Chart").select_option("Round trips to DynamoDB")
    ann.click("Show", role="button")
    expect(ann.page.get_by_role("heading", name="Round trips to DynamoDB per day")).to_be_visible()
    expect(ann.page.locator(".chart canvas")).to_be_visible()
    with ann.page.expect_download() as download:
        ann.click("Download as CSV")
    assert download.value.suggested_filename == "costs.csv"


def test_an_operator_tries_a_failed_record_again(open_as: OpenAs) -> None:
    ann = Person(open_as("operator"))
    ann.click("Failed records")
    ann.click_first("#result_list th a")
    ann.click("Try again")
    ann.click("Try again", role="button")
    ann.sees("the record is gone")


def test_training_shows_its_progress_and_leads_to_the_new_version(open_as: OpenAs) -> None:
    page = open_as("operator")
    page.goto("/admin/models/")
    ann = Person(page)
    ann.click("Train now")
    ann.click("Train now", role="button")

    expect(page.locator(".job")).to_contain_text("Started by")
    link = page.get_by_role("link", name="Look at model")
    expect(link).to_be_visible(timeout=90_000)
    link.click()
    expect(page.locator(".bars").first).to_contain_text("Popular list")


def test_an_administrator_adds_an_account_and_a_key_and_sees_both_in_the_log(
    open_as: OpenAs,
) -> None:
    page = open_as("administrator")
    ann = Person(page)
    ann.click("Accounts")
    ann.click("Add account")
    page.get_by_label("Username").fill("eve")
    page.get_by_label("Role").select_option("operator")
    ann.click("Add", role="button")
    expect(page.get_by_label("Password")).not_to_have_value("")
    ann.click("API keys")
    ann.click_first("#result_list th a")
    ann.click("Rotate")
    ann.click("Make a new secret", role="button")
    ann.sees("the old one works until")

    ann.click("Audit log")
    ann.sees("accounts.add")
    page.get_by_label("By what was changed").fill("eve")
    ann.click("Apply", role="button")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    ann.click_first("#result_list th a")
    ann.sees("operator")


def test_lists_work_from_the_keyboard(open_as: OpenAs) -> None:
    page = open_as("viewer")
    page.goto("/admin/users/")
    page.locator("#result_list th a").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/admin/users/u01/$"))
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to main content")).to_be_focused()


def test_a_list_says_that_it_is_loading(open_as: OpenAs) -> None:
    page = open_as("viewer")
    page.goto("/admin/users/")
    page.evaluate(NOTE_BUSY)
    page.get_by_role("search").get_by_role("textbox").fill("u0")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("q=u0"))
    assert page.evaluate("sessionStorage.getItem('busy')") == "true"
    expect(page.locator("#changelist")).to_have_attribute("aria-busy", "false")


def test_a_session_that_ended_asks_to_log_in_again(open_as: OpenAs) -> None:
    page = open_as("operator")
    page.goto("/admin/users/u07/")
    expect(page.locator(".recommended")).to_be_visible()
    page.context.clear_cookies(name="sessionid")
    page.evaluate("htmx.ajax('GET', '/admin/users/u07/parts/recommendations/', '.panels')")
    expect(page.get_by_label("Username")).to_be_visible()


def test_a_phone_has_the_same_navigation(open_as: OpenAs) -> None:
    page = open_as("viewer", size=PHONE)
    page.click("summary:has-text('Menu')")
    page.click(".phone-menu >> text=Items")
    expect(page.get_by_role("heading", name="Items")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    page.goto("/admin/items/")
    expect(page.get_by_label("Username")).to_be_visible()
