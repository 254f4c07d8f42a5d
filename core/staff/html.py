"""Small pieces of HTML that cells and facts are made of."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from core.staff.links import detail_url
from core.validation import to_iso

NOTHING = SafeString('<span class="quiet" aria-label="none">–</span>')


def link(text: Any, url: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, text)


def row_link(resource: str, key: str, text: Any = None) -> SafeString:
    """Return a link to a row's page, with its key as the text unless another one is given."""
    return link(key if text is None else text, detail_url(resource, key))


def moment(time: datetime | None) -> SafeString:
    """Return a time to the minute, in UTC; its age shows under the pointer."""
    if time is None:
        return NOTHING
    time = time.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}" class="nowrap">{}</time>',
        to_iso(time), age(time), f"{time:%Y-%m-%d %H:%M}",
    )  # fmt: skip


def day(time: datetime) -> str:
    return f"{time.astimezone(UTC):%-d %b %Y}"


def age(time: datetime) -> str:
    """Return how long ago a time is, roughly."""
    now = datetime.now(UTC)
    if time > now:
        return "in the future"
    text = timesince(time, now, depth=1)
    return "just now" if text.startswith("0") else f"{text} ago"


def number(value: float | Decimal | None) -> Any:
    """Return a whole number with separators, and any other to four digits."""
    if value is None:
        return NOTHING
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.4g}"


def percent(share: float | None) -> Any:
    """Return a share as a percentage; one decimal below 10 %."""
    if share is None:
        return NOTHING
    digits = 1 if 0 < share < 0.1 else 0
    return f"{100 * share:.{digits}f} %"


def money(amount: Decimal | None, currency: str | None = None) -> Any:
    if amount is None:
        return NOTHING
    return f"{amount:,.2f} {currency or ''}".strip()


def badge(text: str, tone: str = "") -> SafeString:
    """Return a label; the tone is ``good``, ``bad``, ``busy`` or nothing."""
    return format_html('<span class="badge {}">{}</span>', tone, text)


def tags(texts: Iterable[str]) -> SafeString:
    return format_html_join(" ", '<span class="badge">{}</span>', ((t,) for t in texts)) or NOTHING


def link_tags(links: Iterable[tuple[str, str]]) -> SafeString:
    """Return labels that lead to an address each, given as pairs of address and text."""
    return format_html_join(" ", '<a class="badge" href="{}">{}</a>', links) or NOTHING


def plain(value: Any) -> Any:
    """Return a value of JSON as a reader writes it."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def text_or_nothing(text: str | None) -> Any:
    return text or NOTHING
