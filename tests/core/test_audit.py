"""What staff change is kept, newest first, page by page and across months."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from core import audit
from core.dynamodb.meter import metered

pytestmark = pytest.mark.usefixtures("dynamodb")


def record_at(
    moment: datetime, target: str, monkeypatch: pytest.MonkeyPatch, *, by: str = "ada"
) -> None:
    clock = SimpleNamespace(now=lambda _: moment)
    with monkeypatch.context() as patch:
        patch.setattr(audit, "datetime", clock)
        audit.record(by=by, action="items.hide", target=target)


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


def targets(**narrowed: str) -> list[str]:
    found: list[str] = []
    position = None
    while True:
        page = audit.listing(limit=2, position=position, **narrowed)
        found += [entry.target for entry in page.rows]
        position = page.next
        if position is None:
            return found


def test_changes_are_found_by_person_by_target_and_by_period(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(12):
        moment = datetime(2026, 1 + number // 2, 1 + number, tzinfo=UTC)
        record_at(moment, str(number), monkeypatch, by="ada" if number % 3 else "bob")

    assert targets(by="bob") == ["9", "6", "3", "0"]
    assert targets(target="4") == ["4"]
    assert targets(by="bob", target="4") == []
    assert targets(since="2026-02-03", until="2026-03-05") == ["4", "3", "2"]
    assert targets(since="2026-02-04", by="bob") == ["9", "6", "3"]
    assert targets(since="2026-03-01", until="2026-02-01") == []
    for narrowed in ({}, {"by": "nobody"}, {"until": "2026-03-01"}):
        with metered() as meter:
            audit.listing(limit=50, **narrowed)
        assert meter.round_trips <= 3


def test_a_search_for_a_rare_change_ends_a_page_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_FILTERED_PAGE", 4)
    for number in range(11):
        moment = datetime(2026, 1, 1 + number, tzinfo=UTC)
        record_at(moment, str(number), monkeypatch, by="ada" if number else "bob")

    first = audit.listing(limit=2, by="bob")

    assert (first.rows, first.next is None) == ((), False)
    assert targets(by="bob") == ["0"]
