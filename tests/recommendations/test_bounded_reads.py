"""What a request reads does not grow with the tables: from 1,000 rows in each to 10,000.

``make test-large`` lets them grow to 100,000. The emulator looks at every row of a table to answer
a query of an index, so that takes minutes.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pynamodb.connection import Connection

from core.dynamodb.tables import Table
from core.validation import to_key
from recommendations.entities import Item
from recommendations.models import EventRow, ItemRow, TermRow
from recommendations.services import events, realtime
from recommendations.storage import events as event_storage
from recommendations.storage import items as item_storage
from tests import bulk_rows
from tests.api_client import api_client, send
from tests.recommendations.factories import START, event, store_lists, store_model

pytestmark = pytest.mark.usefixtures("dynamodb")

FEW, MANY = 1_000, int(os.environ.get("GROWN_ROWS", "10000"))
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


def _lines(first: int, last: int) -> dict[type[Table], Iterator[str]]:
    """Return products, one term of each, and orders, as DynamoDB imports them.

    Made from one row of each kind: to make each by itself would take longer than the test.
    """
    item = bulk_rows.wire(
        item_storage._to_row(Item(item_id="@id", name="Thing @id", categories=("tools",)))
    )
    by_category = bulk_rows.wire(TermRow("category#available#tools", "@id", item_id="@id"))
    by_word = bulk_rows.wire(TermRow("word#thi", "thing#@id", item_id="@id"))
    orders = [
        bulk_rows.wire(event_storage._to_row(event(f"u{user}", "@id", event_id="@id")))
        for user in range(USERS)
    ]
    start = to_key(START)

    def order(n: int) -> str:
        # So that the orders are spread over days, and no two are of one moment.
        moment = to_key(START + timedelta(seconds=4 * n))
        return orders[n % USERS].replace("@id", f"{n:07}").replace(start, moment)

    numbers = range(first, last)
    return {
        ItemRow: (item.replace("@id", f"{n:07}") for n in numbers),
        TermRow: ((by_category, by_word)[n % 2].replace("@id", f"{n:07}") for n in numbers),
        EventRow: map(order, numbers),
    }


@pytest.fixture
def fill(dynamodb: None) -> Iterator[Callable[[int, int], None]]:
    def fill(first: int, last: int) -> None:
        for table, lines in _lines(first, last).items():
            bulk_rows.add(table, lines)

    yield fill
    bulk_rows.start_afresh(ItemRow, TermRow, EventRow)


def _sizes() -> list[int]:
    tables = (ItemRow, TermRow, EventRow)
    return [table.count() for table in tables]


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
    calls: Callable[[], Counter[str]], fill: Callable[[int, int], None]
) -> None:
    near = {f"{n:07}": [(f"{other:07}", 0.5) for other in range(100)] for n in range(20)}
    store_model("v1", near, popular=[f"{n:07}" for n in range(100)])
    store_lists("live", latest=[f"{n:07}" for n in range(100)])
    fill(0, FEW)
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
    fill(FEW, MANY)
    after = measure()

    assert min(_sizes()) >= MANY
    for name in REQUESTS:
        assert not [call for call in after[name] if call.startswith("Scan")], name
        assert after[name] == before[name], name
