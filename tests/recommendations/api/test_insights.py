"""Insights over REST."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from recommendations.services import attribution, events, statistics
from recommendations.storage.events import key_of
from tests.api_client import api_client, error_of
from tests.recommendations.factories import event

pytestmark = pytest.mark.usefixtures("dynamodb")

PATH = "/api/v1/insights/"


def test_counts_come_by_day_with_intervals() -> None:
    shown = msgspec.structs.replace(
        event("ann", "tea", "cup", kind="impression"),
        recommendation_id=attribution.new_id(recommender="popular"),
    )
    events.record(events=[shown])
    statistics.apply(keys=[key_of(shown)])

    found = api_client("insights:read").get(PATH, {"from": "2026-10-31", "to": "2026-11-01"}).json()

    assert (found["placement"], found["from"], found["to"]) == (None, "2026-10-31", "2026-11-01")
    assert [(row["day"], row["impressions"]) for row in found["days"]] == [
        ("2026-10-31", 0),
        ("2026-11-01", 2),
    ]
    assert found["days"][0]["ctr"] is None
    assert set(found["total"]["ctr"]) == {"value", "low", "high"}
    assert found["shop"]["revenue"] == found["total"]["revenue"] == "0"


def test_the_last_four_weeks_are_answered_unless_asked_otherwise() -> None:
    client = api_client()
    today = datetime.now(UTC).date()

    days = [row["day"] for row in client.get(PATH).json()["days"]]
    assert days[0] == str(today - timedelta(days=27))
    assert days[-1] == str(today)
    assert client.get(PATH, {"to": "2026-02-28"}).json()["from"] == "2026-02-01"
    assert client.get(PATH, {"to": "0001-01-02"}).json()["from"] == "0001-01-01"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2026-11-02", "to": "2026-11-01"}, "from"),
        ({"from": "2026-11-02", "to": "2027-11-03"}, "from"),
        ({"from": "2026-02-30"}, "from"),
        ({"to": "yesterday"}, "to"),
        ({"placement": "Home Page"}, "placement"),
        ({"since": "2026-11-02"}, "since"),
    ],
)
def test_bad_questions_are_refused_by_field(query: dict[str, str], field: str) -> None:
    assert field in error_of(api_client().get(PATH, query), 400)["details"]


def test_who_may_not_and_what_is_not_there() -> None:
    error_of(api_client("jobs:run").get(PATH), 403)
    error_of(api_client().get(PATH, {"placement": "nowhere"}), 404)
