"""What a request reads does not grow with the tables.

By default the tables grow from 200 to 1,000 rows, so that the test stays quick. With
``GROWN_ROWS=100000`` in the environment they grow from 1,000 to as many, which takes minutes.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pynamodb.connection import Connection

from core.dynamodb.batch import Put, write_all
from recommendations.entities import Item
from recommendations.models import EventRow, ItemRow, TermRow
from recommendations.services import events, realtime
from recommendations.storage import events as event_storage
from recommendations.storage import items as item_storage
from tests.api_client import api_client, send
from tests.recommendations.factories import event, store_lists, store_model

pytestmark = pytest.mark.usefixtures("dynamodb")

_GROWN = os.environ.get("GROWN_ROWS")
FEW, MANY = (200, 1000) if _GROWN is None else (1000, int(_GROWN))
# So few that the histories are longer than a page from the start.
USERS = 5
REQUESTS = {
    "known user": "/recommendations/users/ann/?explain=true",
    "with filters": "/recommendations/users/ann/?category=tools&price_max=9&expand=item",
    "unknown user": "/recommendations/users/nobody/",
    "latest": "/recommendations/latest/",
    "similar": "/items/0000007/similar/?category_none=garden",
    "bought together": "/items/0000007/bought-together/",
    "products": "/items/",
    "products by id": "/items/?q=00000",
    "products by category": "/items/?category=tools",
    "products by category that are gone": "/items/?category=tools&available=false",
    "products by word": "/items/?q=thing",
    "history": "/users/u1/events/",
    "history of one type": "/users/u1/events/?type=purchase",
    "placements": "/placements/",
    "insights": "/insights/?from=2026-11-01&to=2026-11-02",
}


def _fill(first: int, last: int) -> None:
    """Add products, one term of each, and orders, as rows: faster than as a shop does it."""

    def rows() -> Iterator[Put]:
        for n in range(first, last):
            name = f"{n:07}"
            item = Item(item_id=name, name=f"Thing {name}", categories=("tools",))
            yield Put(item_storage._to_row(item))
            term = ("category#available#tools", name) if n % 2 else ("word#thi", f"thing#{name}")
            yield Put(TermRow(*term, item_id=name))
            order = event(f"u{n % USERS}", name, event_id=name, hours=n / 1000)
            yield Put(event_storage._to_row(order))

    write_all(rows())


def _sizes() -> list[int]:
    return [sum(1 for _ in table.scan()) for table in (ItemRow, TermRow, EventRow)]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Counter[str]]:
    """Return a function that tells the calls since the last time, with the rows that each read."""
    made: Counter[str] = Counter()
    original = Connection._make_api_call

    def noting(connection: Connection, operation: str, arguments: Any, *rest: Any) -> Any:
        answer = original(connection, operation, arguments, *rest)
        read = answer.get("ScannedCount", 0) + int("Item" in answer)
        read += sum(len(rows) for rows in answer.get("Responses", {}).values())
        made[f"{operation} of {arguments.get('TableName', 'several')}"] += 1
        made["rows"] += read
        return answer

    monkeypatch.setattr(Connection, "_make_api_call", noting)

    def since() -> Counter[str]:
        found = Counter(made)
        made.clear()
        return found

    return since


def test_requests_read_no_more_rows_when_the_tables_grow(
    calls: Callable[[], Counter[str]],
) -> None:
    near = {f"{n:07}": [(f"{other:07}", 0.5) for other in range(100)] for n in range(20)}
    store_model("v1", near, popular=[f"{n:07}" for n in range(100)])
    store_lists("live", latest=[f"{n:07}" for n in range(100)])
    _fill(0, FEW)
    events.record(events=[event("ann", "0000003", "0000004")])
    realtime.refresh_profiles(["ann"])
    client = api_client()

    def measure() -> dict[str, Counter[str]]:
        # The key is looked up once in half a minute.
        send(client, "GET", "/api/v1/placements/")
        found = {}
        for name, path in REQUESTS.items():
            calls()
            answer = send(client, "GET", f"/api/v1{path}")
            assert answer.status_code == 200, (name, answer.content)
            found[name] = calls()
        return found

    before = measure()
    _fill(FEW, MANY)
    after = measure()

    assert min(_sizes()) >= MANY
    for name in REQUESTS:
        assert not [call for call in after[name] if call.startswith("Scan")], name
        assert after[name] == before[name], name
