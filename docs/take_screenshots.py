"""Take the pictures of the staff site that the documentation shows.

Run it beside ``make demo``, which leaves its address and account in ``.local/demo.env``::

    python docs/take_screenshots.py [demo.env]
"""  # noqa: INP001  # a script beside the documents

import shutil
import sys
import zlib
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
PICTURES = {
    "overview": "/admin/",
    "user": "/admin/users/17850/",
    "items": "/admin/items/?q=cake",
    "item": "/admin/items/22423/",
    "events": "/admin/events/?type=purchase",
    "explorer": "/admin/explorer/?kind=basket&ids=22423%2C22697",
    "jobs": "/admin/jobs/",
    "costs": "/admin/costs/",
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


def shoot(page: Page, name: str, url: str = "") -> None:
    """Take a picture of an address, or of where the page is."""
    if url:
        page.goto(url)
    expect(page.locator(".loading")).to_have_count(0, timeout=30_000)
    (IMAGES / f"{name}.png").write_bytes(smaller(page.screenshot()))


def smaller(png: bytes) -> bytes:
    """Return the same picture, packed as tightly as PNG allows: browsers pack in haste."""
    chunks = []
    at = 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        chunks.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += length + 12
    pixels = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
    packed = zlib.compress(pixels, level=9)
    kept = [chunk for chunk in chunks if chunk[0] in {b"IHDR", b"PLTE", b"tRNS"}]
    out = png[:8]
    for kind, data in (*kept, (b"IDAT", packed), (b"IEND", b"")):
        out += len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
    return out


def main() -> None:
    demo = settings(Path(sys.argv[1]) if sys.argv[1:] else ROOT / ".local" / "demo.env")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for size, scheme, names in (
            (WIDE, "light", list(PICTURES)),
            (WIDE, "dark", ["user"]),
            (PHONE, "light", ["user", "items"]),
        ):
            page = browser.new_context(
                viewport=size, color_scheme=scheme, base_url=demo["BASE_URL"]
            ).new_page()
            log_in(page, demo)
            suffix = "-dark" if scheme == "dark" else "-phone" if size is PHONE else ""
            for name in names:
                shoot(page, f"{name}{suffix}", PICTURES[name])
            if not suffix:
                page.goto("/admin/models/")
                page.locator("#result_list th a").first.click()
                shoot(page, "model")
        browser.close()


if __name__ == "__main__":
    main()
