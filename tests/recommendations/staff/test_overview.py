"""The first page: numbers beside the period before, and what needs attention."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from recommendations.entities import Event, Line
from recommendations.services import attribution, dead_letters, events, following, statistics
from recommendations.storage import jobs as jobs_storage
from recommendations.storage import versions as versions_storage
from recommendations.storage.events import key_of
from recommendations.storage.jobs import Job
from recommendations.storage.versions import ModelVersion

pytestmark = pytest.mark.usefixtures("dynamodb")

LogIn = Callable[[str], Client]
NUMBERS, ATTENTION = "/admin/overview/numbers/", "/admin/overview/attention/"
NOW = datetime.now(UTC)


def happen(kind: str, *, days: int, number: int, price: str = "10", origin: str = "") -> None:
    one = Event(
        event_id=f"{kind}-{number}",
        timestamp=NOW - timedelta(days=days, seconds=60 - number),
        type=kind,
        items=(Line("lamp", 1, Decimal(price) if kind == "purchase" else None),),
        user_id="ann",
        recommendation_id=origin or None,
    )
    events.record(events=[one])
    statistics.apply(keys=[key_of(one)])


def store_version(
    name: str, state: str = "ready", *, days: int = 0, data: dict[str, Any] | None = None
) -> None:
    created = (NOW - timedelta(days=days)).isoformat()
    versions_storage.save(
        ModelVersion(version=name, created_at=created, state=state, data=data or {})
    )


def test_numbers_stand_beside_the_period_before(log_in: LogIn) -> None:
    origin = attribution.new_id(recommender="popular")
    for number, (kind, days) in enumerate(
        [("purchase", 40), ("impression", 3), ("click", 2), ("purchase", 1), ("purchase", 1)]
    ):
        shown = origin if kind in {"impression", "click"} else ""
        happen(kind, days=days, number=number, price="15.50", origin=shown)
    client = log_in("viewer")

    data = client.get(NUMBERS).context["data"]
    tiles = {tile["label"]: (tile["value"], tile["trend"]) for tile in data["tiles"]}

    assert tiles["Purchases"] == ("2", "▲ 100 %")
    assert tiles["Revenue"] == ("31.00", "▲ 100 %")
    assert tiles["Events"] == ("4", "▲ 300 %")
    assert tiles["Clicks / shown"] == ("100 %", "nothing to compare with")
    # Both orders followed the click.
    assert tiles["Revenue owed to recommendations"][0] == "31.00"
    assert data["chart"]["counts"].split(",")[-3:] == ["0.00", "31.00", "0.00"]
    week = client.get(NUMBERS, {"measure": "purchases", "days": "7"}).context["data"]
    assert week["chart"]["counts"] == "0,0,0,0,0,2,0"
    odd = client.get(NUMBERS, {"measure": "x", "days": "1000000"}).context["data"]
    assert (odd["measure"], odd["days"]) == ("revenue", "28")


def test_the_chart_shows_the_period_before_as_well(log_in: LogIn) -> None:
    happen("purchase", days=8, number=1, price="5")
    happen("purchase", days=1, number=2, price="7")

    data = log_in("viewer").get(NUMBERS, {"days": "7"}).context["data"]

    assert data["chart"]["counts"] == "0.00,0.00,0.00,0.00,0.00,7.00,0.00"
    assert data["chart"]["beside"] == "0.00,0.00,0.00,0.00,0.00,5.00,0.00"
    assert data["chart"]["legend"][1] == "The 7 days before"


def test_users_and_items_stand_beside_those_of_an_older_model(log_in: LogIn) -> None:
    client = log_in("viewer")

    def tiles() -> list[tuple[str, str]]:
        found = client.get(NUMBERS).context["data"]["tiles"]
        return [(tile["value"], tile["trend"]) for tile in found[:2]]

    known = {"users": 110, "items": 3}
    store_version("v2", data=known)
    assert tiles() == [("110", f"known on {NOW:%-d %b %Y}"), ("3", f"known on {NOW:%-d %b %Y}")]
    store_version("v1", days=30, data={"users": 100, "items": 3})
    assert tiles() == [("110", "▲ 10 %"), ("3", "as before")]


def test_numbers_say_while_the_history_is_being_counted(log_in: LogIn) -> None:
    client = log_in("viewer")
    job = Job(
        job_id="20261122T030000-a",
        name="count",
        state="running",
        started_by="ada",
        created_at=datetime.now(UTC).isoformat(),
        progress=0.5,
    )
    jobs_storage.save(job)
    assert "being counted, newest first" in client.get("/admin/").content.decode()

    jobs_storage.save(replace(job, state="succeeded"))
    assert "being counted" not in client.get("/admin/").content.decode()


def test_how_far_the_stream_is_behind_is_said_or_that_nobody_knows(log_in: LogIn) -> None:
    client = log_in("viewer")

    def text() -> str:
        response = client.get("/admin/overview/stream/")
        assert int(response["X-DynamoDB-Round-Trips"]) <= 5
        return " ".join(response.content.decode().split())

    assert "Stream unknown" in text()
    following.note([datetime.now(UTC) - timedelta(seconds=3)])
    assert "up to date" in text()
    assert "seconds after the oldest of them was stored" in text()
    following.note([datetime.now(UTC) - timedelta(minutes=9)])
    assert "9 minutes after" in text()
    early = datetime.combine(NOW.date(), datetime.min.time(), UTC)
    if NOW - early < timedelta(minutes=3):
        pytest.skip("today has only begun")
    uncounted = [
        Event(event_id=f"e{n}", timestamp=early, type="view", items=(Line("lamp"),), user_id="ann")
        for n in range(40)
    ]
    events.record(events=uncounted)
    assert "An event of 00:00 UTC has not been counted yet" in text()
    statistics.apply(keys=[key_of(event) for event in uncounted])
    assert "has not been counted" not in text()


def test_without_events_the_numbers_say_so(log_in: LogIn) -> None:
    assert "Nothing was counted" in log_in("viewer").get(NUMBERS).content.decode()


def test_what_needs_attention_leads_to_where_it_is_handled(log_in: LogIn) -> None:
    client = log_in("viewer")
    today = NOW.isoformat()

    def urls() -> list[str]:
        return [row["url"] for row in client.get(ATTENTION).context["data"]["rows"]]

    assert urls() == ["/admin/models/"]
    store_version("v1", "ready")
    assert urls() == []
    assert "All is well" in client.get(ATTENTION).content.decode()
    store_version("v2", "rejected")
    for number, state in enumerate(("succeeded", "failed")):
        jobs_storage.save(
            Job(
                job_id=f"20261122T03000{number}-a",
                name="train",
                state=state,
                started_by="ada",
                created_at=today,
            )
        )
    change = {"ApproximateCreationDateTime": 1_790_000_000, "SequenceNumber": "7"}
    dead_letters.keep(records=[{"dynamodb": change}])

    assert urls() == ["/admin/dead-letters/", "/admin/jobs/20261122T030001-a/", "/admin/models/v2/"]
    store_version("v3", "ready", days=9)
    assert "is 9 days old" in client.get(ATTENTION).content.decode()
