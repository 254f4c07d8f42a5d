"""Addresses of the staff site's pages."""

from urllib.parse import urlencode

from django.contrib.admin.utils import quote, unquote
from django.urls import reverse

# A browser would take these two for "this folder" and "the folder above".
_FOLDERS = frozenset({".", ".."})


def quote_key(key: str) -> str:
    """Return a key in a form that is safe as one segment of a path."""
    if key in _FOLDERS:
        return "_2E" * len(key)
    return str(quote(key))


def unquote_key(text: str) -> str:
    """Return the key that `quote_key` wrote."""
    dots = text.replace("_2E", ".")
    return dots if dots in _FOLDERS else str(unquote(text))


def list_url(resource: str, **params: str) -> str:
    """Return the address of a list; ``params`` are filters, or ``q`` for the search."""
    url = reverse(f"admin:{resource}_list")
    return f"{url}?{urlencode(params)}" if params else url


def detail_url(resource: str, key: str) -> str:
    """Return the address of a row's page."""
    return reverse(f"admin:{resource}_detail", args=[quote_key(key)])


def action_url(resource: str, action: str, key: str | None = None) -> str:
    """Return the address that asks for and then runs an action."""
    if key is None:
        return reverse(f"admin:{resource}_action", args=[action])
    return reverse(f"admin:{resource}_row_action", args=[quote_key(key), action])


def bulk_url(resource: str, action: str) -> str:
    """Return the address that asks for and then runs an action on several rows."""
    return reverse(f"admin:{resource}_bulk_action", args=[action])


def part_url(resource: str, key: str, part: str) -> str:
    """Return the address of a live part of a row's page."""
    return reverse(f"admin:{resource}_part", args=[quote_key(key), part])
