"""A shop's ids may hold what means something in an address."""

import pytest
from django.urls import resolve

from core.staff.links import detail_url, quote_key, unquote_key

KEYS = ["17850", "a/b", "a b", "..", ".", "x?y=1", "50%", "_2F", "Ünï-中", "a.b", "#1", "\\", "é\n"]


@pytest.mark.parametrize("key", KEYS)
def test_every_id_finds_its_way_through_an_address(key: str) -> None:
    match = resolve("/".join(["", "admin", "items", quote_key(key), ""]))

    assert match.view_name == "admin:items_detail"
    assert unquote_key(match.kwargs["key"]) == key


def test_addresses_hold_nothing_that_a_browser_would_change() -> None:
    assert detail_url("items", "..") == "/admin/items/_2E_2E/"
    assert detail_url("items", "a/b?c#d") == "/admin/items/a_2Fb_3Fc_23d/"
