"""Take the pictures of the staff site that the documentation shows.

Run it beside ``make demo``, which leaves its address and account in ``.local/demo.env``::

    python docs/take_screenshots.py [demo.env]
"""  # noqa: INP001  # a script beside the documents

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
PICTURES = {
    "overview": "/admin/",
    "user": "/admin/users/17850/",
    "items": "/admin/items/?q=cake",
    "item": "/admin/items/22423/",
    "explorer": "/admin/explorer/?kind=basket&ids=22423%2C22697",
}


def settings(path: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in path.read_text().splitlines())
    return {name: value.strip("\"'") for name, sign, value in lines if sign}


def log_in(page: Page, demo: dict[str, str]) -> None:
    page.goto("/admin/")
    page.get_by_label("Username").fill(demo["STAFF_USERNAME"])
    page.get_by_label("Password").fill(demo["STAFF_PASSWORD"])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")


def shoot(page: Page, url: str, name: str) -> None:
    page.goto(url)
    page.locator(".loading").first.wait_for(state="detached")
    page.screenshot(path=IMAGES / f"{name}.png")


def main() -> None:
    demo = settings(Path(sys.argv[1]) if sys.argv[1:] else ROOT / ".local" / "demo.env")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for size, scheme, names in (
            (WIDE, "light", list(PICTURES)),
            (WIDE, "dark", ["user"]),
            (PHONE, "light", ["user"]),
        ):
            page = browser.new_context(
                viewport=size, color_scheme=scheme, base_url=demo["BASE_URL"]
            ).new_page()
            log_in(page, demo)
            suffix = "-dark" if scheme == "dark" else "-phone" if size is PHONE else ""
            for name in names:
                shoot(page, PICTURES[name], f"{name}{suffix}")
            if not suffix:
                page.goto("/admin/models/")
                page.locator("#result_list th a").first.click()
                page.screenshot(path=IMAGES / "model.png")
        browser.close()


if __name__ == "__main__":
    main()
