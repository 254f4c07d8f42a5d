"""What staff change is kept, newest first, page by page and across months."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from core import audit

pytestmark = pytest.mark.usefixtures("dynamodb")


def record_at(moment: datetime, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=lambda _: moment)
    with monkeypatch.context() as patch:
        patch.setattr(audit, "datetime", clock)
        audit.record(by="ada", action="items.hide", target=target)


def test_a_change_says_who_did_what_to_what_from_what_into_what() -> None:
    audit.record(
        by="ada",
        action="items.hide",
        target="22423",
        before={"shown": True},
        after={"shown": False},
    )

    (entry,) = audit.listing(limit=10).rows

    assert (entry.by, entry.action, entry.target) == ("ada", "items.hide", "22423")
    assert (entry.before, entry.after) == ({"shown": True}, {"shown": False})
    assert audit.find(entry_id=entry.entry_id) == entry
    assert audit.find(entry_id="2020-01-01") is None


def test_pages_go_newest_first_over_months_with_nothing_in_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    months = [(2025, 11), (2026, 1), (2026, 1), (2026, 11), (2026, 11)]
    for number, (year, month) in enumerate(months):
        moment = datetime(year, month, 1 + number, tzinfo=UTC)
        record_at(moment, str(number), monkeypatch)

    seen: list[list[str]] = []
    position = None
    while True:
        page = audit.listing(limit=2, position=position)
        seen.append([entry.target for entry in page.rows])
        position = page.next
        if position is None:
            break

    assert seen == [["4", "3"], ["2", "1"], ["0"]]
