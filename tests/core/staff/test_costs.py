"""Staff see what endpoints, jobs and days cost."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from core import usage
from core.staff.costs import dollars
from core.usage import Usage
from users.backends import staff_user
from users.services import accounts

pytestmark = pytest.mark.usefixtures("dynamodb")
PATH = "/admin/costs/"
TODAY = datetime.now(UTC).date()
LISTS = "GET /api/v1/recommendations/users/<user_id>/"


@pytest.fixture
def client() -> Client:
    account = accounts.create(username="vic", password="correct horse battery", role="viewer")
    client = Client()
    client.force_login(staff_user(account))
    return client


def consume(kind: Any, name: str, used: Usage, *, days: int = 0) -> None:
    day = str(TODAY - timedelta(days=days))
    usage._write(secrets.token_hex(16), {(day, kind, name): used})


def test_units_round_trips_and_cost_are_shown_by_endpoint_job_and_day(client: Client) -> None:
    consume("endpoint", LISTS, Usage(calls=1000, read_units=1000, round_trips=1010, seconds=5))
    consume("job", "train", Usage(calls=1, write_units=500_000), days=3)
    consume("stream", "events", Usage(calls=9, write_units=100), days=40)

    response = client.get(PATH)

    panels = {panel.title: panel.context.get("rows") for panel in response.context["panels"]}
    assert list(panels) == ["Endpoints", "Jobs", "Days", "Prices", "What is counted"]
    ((name, *cells),) = [[str(cell) for _, cell in row] for row in panels["Endpoints"]]
    assert name == LISTS
    # In Ireland a million read units are $0.1415, and half a million write units $0.353375.
    assert cells == [
        "1,000", "1,000", "0", "1,010", "1.0", "5 ms", "$0.0001", "$0.14", "0.0 %",
    ]  # fmt: skip
    assert [str(row[7][1]) for row in panels["Jobs"]] == ["$0.35"]
    assert len(panels["Days"]) == 2
    chart = response.context["chart"]
    assert [float(value) for value in chart["counts"].split(",")][-4:] == [0.3534, 0, 0, 0.0001]
    assert int(response["X-DynamoDB-Round-Trips"]) < 5
    longest = client.get(PATH, {"days": "90", "measure": "round_trips"})
    assert int(longest["X-DynamoDB-Round-Trips"]) <= 5
    assert "Stream" in [panel.title for panel in longest.context["panels"]]
    assert client.get(PATH, {"days": "9999"}).context["days"] == "28"


def test_all_of_it_is_a_file_too(client: Client) -> None:
    consume("endpoint", LISTS, Usage(calls=2, read_units=1))

    lines = client.get(PATH, {"format": "csv"}).content.decode("utf-8-sig").splitlines()

    assert lines[0].startswith("day,kind,name,calls,read_units")
    assert lines[1].startswith(f"{TODAY},endpoint,{LISTS},2,1,")
    assert len(lines) == 2


def test_without_any_it_says_when_there_will_be_some(client: Client) -> None:
    assert "Nothing was counted in these days yet" in client.get(PATH).content.decode()


@pytest.mark.parametrize(
    ("amount", "text"),
    [(1234.5, "$1,234.50"), (0.5, "$0.50"), (0.0123, "$0.012"), (0.00000042, "< $0.0001")],
)
def test_amounts_are_as_exact_as_they_are_small(amount: float, text: str) -> None:
    assert dollars(amount) == text
