"""What requests, jobs and streams consume is added up by day, and nothing twice."""

import secrets
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pynamodb.connection import Connection

from core import prices, usage
from core.dynamodb.meter import Meter, metered
from core.usage import Usage
from recommendations.jobs import trend
from tests.api_client import api_client

pytestmark = pytest.mark.usefixtures("dynamodb")
USER = "GET /api/v1/users/<user_id>/"


@pytest.fixture
def counting(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.USAGE_SECONDS = 3600
    monkeypatch.setattr(usage, "_sums", usage._Sums())


def today() -> dict[tuple[str, str], Usage]:
    day = datetime.now(UTC).date()
    return dict(usage.find(since=day, until=day).get(day, {}))


@pytest.mark.usefixtures("counting")
def test_only_one_request_of_a_while_stores_what_all_consumed() -> None:
    client = api_client()
    trips = []
    for _ in range(4):
        with metered() as meter:
            response = client.get("/api/v1/users/a/?debug=cost")
        trips.append(meter.round_trips - int(response["X-DynamoDB-Round-Trips"]))

    assert trips == [1, 0, 0, 0]
    assert today()["endpoint", USER].calls == 1
    usage.flush()
    found = today()
    assert found["endpoint", USER].calls == 4
    assert found["endpoint", USER].seconds > 0
    assert found["job", usage.OWN_NAME].round_trips == 1
    assert found["job", usage.OWN_NAME].write_units > 0


@pytest.mark.usefixtures("counting")
def test_no_client_can_make_up_names() -> None:
    client = api_client()
    for path in ("/api/v1/nothing/1/", "/api/v1/nothing/2/"):
        client.get(path)
    client.generic("BREW", "/api/v1/users/a/")
    usage.flush()

    assert {name for kind, name in today() if kind == "endpoint"} == {
        "files and unknown addresses",
        USER.replace("GET", "other"),
    }


@pytest.mark.usefixtures("counting")
def test_what_a_job_consumed_is_stored_when_it_ends() -> None:
    trend()

    found = today()["job", "trend"]
    assert found.calls == 1
    assert found.read_units > 0


@pytest.mark.usefixtures("counting")
def test_a_lost_answer_adds_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    usage.add("stream", "events", meter=Meter(write_units=2.5, round_trips=1), seconds=0.25)
    call = Connection._make_api_call

    def losing(self: Connection, operation: str, *arguments: Any, **named: Any) -> Any:
        answer = call(self, operation, *arguments, **named)
        if operation == "TransactWriteItems":
            raise ConnectionError
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "_make_api_call", losing)
        usage.flush()
    usage.add("stream", "events", meter=Meter(write_units=1), seconds=0.25)
    usage.flush()

    found = today()["stream", "events"]
    assert (found.calls, found.write_units, found.round_trips) == (2, 3.5, 1)


def test_a_period_over_several_months_is_read_month_by_month() -> None:
    for day in (date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 1)):
        usage._write(secrets.token_hex(16), {(day.isoformat(), "job", "train"): Usage(calls=1)})

    with metered() as meter:
        found = usage.find(since=date(2026, 1, 31), until=date(2026, 2, 28))

    assert list(found) == [date(2026, 1, 31), date(2026, 2, 28)]
    assert meter.round_trips == 2


def test_costs_follow_the_prices_of_the_region(settings: Any) -> None:
    used = Usage(calls=2, read_units=1_000_000, write_units=2_000_000, gb_seconds=1_000_000)
    region, listed = prices.listed("us-east-1")
    assert region == "us-east-1"
    assert prices.database_cost(used, listed) == pytest.approx(0.125 + 2 * 0.625)
    assert prices.function_cost("endpoint", used, listed) == pytest.approx(16.6667 + 2 * 1.2e-6)
    assert prices.function_cost("job", used, listed) == pytest.approx(16.6667 + 2 * 0.2e-6)
    assert prices.function_cost("job", Usage(calls=2), listed) == 0, "it ran elsewhere"
    settings.PRICES = {"read_units": 1}
    assert prices.database_cost(used, prices.listed("us-east-1")[1]) == pytest.approx(2.25)
    assert prices.listed("moon-1")[0] == "us-east-1"
