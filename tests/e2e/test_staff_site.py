"""The staff site in a browser: its main tasks, each role's way, and that everybody can use it."""

import itertools
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from core import audit
from project.wsgi import application
from recommendations.entities import Event, Item, Line
from recommendations.placements import Placement
from recommendations.services import catalogue, events, jobs, placements, versions
from recommendations.staff.cells import event_key
from users.entities import Customer
from users.services import accounts, customers

PASSWORD = "correct horse battery"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PHONE, DESKTOP = {"width": 360, "height": 800}, {"width": 1280, "height": 800}
LARGEST_PAGE = 300_000
# Axe would load the style sheets again, from addresses that are not theirs.
AXE_OPTIONS = {"preload": False}
PAGE_SIZE = """
    [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .reduce((sum, entry) => sum + entry.decodedBodySize, 0)
"""
SHELF = ("Teacup", "Saucer", "Teapot", "Cake stand", "Sugar bowl", "Milk jug", "Spoon", "Tray")

OpenAs = Callable[..., Page]


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing: a failed test shows the browser's side."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
    server.daemon_threads = True
    server.set_app(application)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def shop(dynamodb: None) -> None:
    """Sixty users, each with two orders of products that go together."""
    catalogue.save(
        items=[
            Item(
                item_id=f"p{number}",
                name=name,
                price=Decimal("4.25"),
                currency="GBP",
                categories=("Tea",),
            )
            for number, name in enumerate(SHELF)
        ]
    )
    users = [f"u{number:02}" for number in range(60)]
    customers.save(customers=[Customer(user_id=user, labels=("vip",)) for user in users])
    start = datetime.now(UTC) - timedelta(days=40)
    pairs = itertools.cycle(itertools.combinations(range(len(SHELF)), 2))
    events.record(
        events=[
            Event(
                event_id=f"o-{user}-{order}",
                timestamp=start + timedelta(hours=9 * number + order),
                type="purchase",
                items=tuple(Line(f"p{item}", 1, Decimal("4.25")) for item in next(pairs)),
                user_id=user,
                order_id=f"{user}-{order}",
            )
            for number, user in enumerate(users)
            for order in range(2)
        ]
    )


@pytest.fixture
def trained(shop: None) -> None:
    """A shop with two model versions, of which the second one is live."""
    from recommendations.jobs import train

    for _ in range(2):
        train()


@pytest.fixture
def open_as(browser: Browser, address: str, dynamodb: None) -> Iterator[OpenAs]:
    """Log in as somebody with a role; whatever the console complains about fails the test."""
    contexts = []
    complaints: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    def open_site(role: str, *, size: dict = DESKTOP, scheme: str = "light") -> Page:
        if accounts.find_by_username(username=role) is None:
            accounts.create(username=role, password=PASSWORD, role=role)
        context = browser.new_context(viewport=size, color_scheme=scheme, base_url=address)
        contexts.append(context)
        page = context.new_page()
        page.on("console", complain)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("/admin/")
        page.get_by_label("Username").fill(role)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        return page

    yield open_site
    for context in contexts:
        context.close()
    assert complaints == []


def clicks(page: Page) -> list[int]:
    """Count the clicks from now on; of a page with a single entry, its number."""
    counted = [0]
    original = page.click

    def click(*args: object, **kwargs: object) -> None:
        counted[0] += 1
        original(*args, **kwargs)

    page.click = click  # type: ignore[method-assign]
    return counted


@pytest.mark.usefixtures("trained")
def test_finding_out_why_a_user_is_shown_a_product_takes_few_clicks(open_as: OpenAs) -> None:
    page = open_as("viewer")
    counted = clicks(page)

    page.click("#nav-sidebar >> text=Users")
    page.fill("#searchbar", "u07")
    page.press("#searchbar", "Enter")
    page.click("#result_list >> text=u07")

    first = page.locator(".recommended > li").first
    expect(first).to_contain_text("bought")
    expect(first.locator(".share").first).to_contain_text("%")
    assert counted[0] <= 5


@pytest.mark.usefixtures("trained")
def test_hiding_a_product_everywhere_takes_few_clicks(open_as: OpenAs) -> None:
    page = open_as("merchandiser")
    page.goto("/admin/users/u07/")
    shown = page.locator(".recommended .head a").first
    name = shown.inner_text()
    page.goto("/admin/")
    counted = clicks(page)

    page.click("#nav-sidebar >> text=Items")
    page.fill("#searchbar", name)
    page.press("#searchbar", "Enter")
    page.click(f"#result_list >> text={name}")
    page.click("text=Hide everywhere")
    page.click("text=Hide it")

    expect(page.locator(".messagelist")).to_contain_text("is hidden")
    assert counted[0] <= 5
    page.goto("/admin/users/u07/")
    expect(page.locator(".recommended > li").first).to_be_visible()
    expect(page.locator(".recommended .head a", has_text=re.compile(f"^{name}$"))).to_have_count(0)


@pytest.mark.usefixtures("trained")
def test_pinning_a_product_shows_what_it_does_before_it_is_saved(open_as: OpenAs) -> None:
    page = open_as("merchandiser")
    page.click("#nav-sidebar >> text=Placements")
    page.click("text=Add the first placement")
    page.fill("#id_name", "home")
    page.fill("#id_pin-0-item_id", "p1")
    page.fill("#id_pin-0-position", "1")
    page.locator("[data-rows=pin] [data-add-row]").click()
    page.fill("#id_pin-1-item_id", "p2")
    page.fill("#id_pin-1-position", "3")
    page.click("#preview-button")

    expect(page.locator(".preview .recommended").nth(1)).to_contain_text("Pin p1 to position 1")
    assert placements.find(name="home") is None
    page.click("input[value='Save']")
    expect(page.locator(".messagelist")).to_contain_text("shown as home")
    stored = placements.find(name="home")
    assert stored is not None
    assert [pin.position for pin in stored.placement.rules.pin] == [1, 3]


@pytest.mark.usefixtures("trained")
def test_rolling_back_a_bad_model_takes_few_clicks(open_as: OpenAs) -> None:
    before = versions.live()
    page = open_as("operator")
    counted = clicks(page)

    page.click("#nav-sidebar >> text=Models")
    page.click("#result_list tbody tr:nth-child(2) th a")
    page.click("text=Roll back to this")
    page.click("input[value='Roll back']")

    expect(page.locator(".messagelist")).to_contain_text("is live now")
    assert counted[0] <= 5
    assert versions.live() < before
    (entry,) = audit.listing(limit=5).rows
    assert entry.before == {"live": before}


@pytest.mark.usefixtures("shop")
def test_training_shows_its_progress_and_leads_to_the_new_version(open_as: OpenAs) -> None:
    page = open_as("operator")
    page.click("text=Train the first model")
    page.click("input[value='Train now']")

    expect(page.locator(".job")).to_contain_text("Started by")
    link = page.get_by_role("link", name="Look at model")
    expect(link).to_be_visible(timeout=90_000)
    assert page.locator(".job").get_attribute("hx-get") is None, "it stops asking when it is done"
    link.click()
    expect(page.locator(".badge.good")).to_have_text("live")
    expect(page.locator(".bars").first).to_contain_text("Popular list")


def test_a_failed_training_says_why(open_as: OpenAs) -> None:
    page = open_as("operator")
    page.goto("/admin/jobs/actions/train/")
    page.click("input[value='Train now']")

    expect(page.locator(".job .errornote")).to_contain_text("import events", timeout=90_000)


@pytest.mark.usefixtures("trained")
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


@pytest.mark.usefixtures("trained")
def test_a_session_that_ended_asks_to_log_in_again(open_as: OpenAs) -> None:
    page = open_as("operator")
    page.goto("/admin/users/u07/")
    expect(page.locator(".recommended")).to_be_visible()
    page.context.clear_cookies(name="sessionid")
    page.evaluate("htmx.ajax('GET', '/admin/users/u07/parts/recommendations/', '.panels')")
    expect(page.get_by_label("Username")).to_be_visible()


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    ("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"]
)
def test_everybody_can_use_every_page(open_as: OpenAs, size: dict, scheme: str) -> None:
    page = open_as("administrator", size=size, scheme=scheme)
    live = versions.live()
    (job,) = jobs.listing(limit=1).rows
    (event,) = events.recent(limit=1).rows
    for limit in (10, 4):
        placements.save(
            placement=Placement(name="home", recommender="personal", limit=limit), by="ada"
        )
    urls = [
        "/admin/",
        "/admin/explorer/?kind=user&ids=u07",
        "/admin/explorer/?kind=item&ids=p0",
        f"/admin/explorer/?kind=user&ids=u07&beside={live}&placement=placement:home",
        "/admin/users/",
        "/admin/users/u07/",
        "/admin/items/",
        "/admin/items/?q=nothing",
        "/admin/items/p0/",
        "/admin/items/p0/actions/hide/",
        "/admin/placements/",
        "/admin/placements/home/?user_id=u07&compared=1",
        "/admin/placement-editor/?name=home",
        "/admin/insights/?placement=home",
        "/admin/events/",
        f"/admin/models/{live.replace(':', '_3A')}/",
        "/admin/models/",
        "/admin/jobs/",
        f"/admin/jobs/{job.job_id}/",
        "/admin/audit/",
        "/admin/accounts/",
        "/admin/accounts/actions/add/",
        "/admin/keys/",
        "/admin/keys/actions/create/",
        "/admin/password_change/",
        f"/admin/users/{event.user_id}/",
        f"/admin/users/{event.user_id}/?show=buy_again&beside=placement:home",
        f"/admin/users/{event.user_id}/?{urlencode({'without': event_key(event)})}",
        "/admin/dead-letters/",
        "/admin/events/?since=2020-01-01&type=purchase",
    ]
    axe = Axe()
    for url in urls:
        page.goto(url)
        expect(page.locator(".loading")).to_have_count(0)
        found = axe.run(page, options=AXE_OPTIONS).response["violations"]
        wrong = [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]
        assert wrong == [], url
        too_wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not page.evaluate(too_wide), url
        assert page.evaluate(PAGE_SIZE) <= LARGEST_PAGE, url


@pytest.mark.usefixtures("shop")
def test_a_phone_has_the_same_navigation(open_as: OpenAs) -> None:
    page = open_as("viewer", size=PHONE)
    page.click("summary:has-text('Menu')")
    page.click(".phone-menu >> text=Items")
    expect(page.get_by_role("heading", name="Items")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    page.goto("/admin/items/")
    expect(page.get_by_label("Username")).to_be_visible()
