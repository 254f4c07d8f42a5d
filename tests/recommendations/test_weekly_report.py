"""The weekly report measures the live model on purchases that it cannot have learnt from."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from recommendations import jobs as entry_points
from recommendations.entities import Event, Line
from recommendations.services import events, jobs, versions
from tests.recommendations.topics import listening

pytestmark = pytest.mark.usefixtures("dynamodb")

TOPIC = f"{settings.DYNAMODB['TABLE_PREFIX']}news"
PAIRS = [("tea", "cup"), ("cake", "plate"), ("soap", "towel"), ("pen", "ink")]


def happened(user: str, item: str, *, days_ago: float, kind: str = "purchase") -> Event:
    return Event(
        event_id=f"{kind}-{item}",
        timestamp=datetime.now(UTC) - timedelta(days=days_ago),
        type=kind,
        items=(Line(item),),
        user_id=user,
    )


@pytest.fixture
def _shop() -> None:
    """Customers who buy pairs; this week some buy the second half, and somebody looks at things."""
    sent = []
    for n in range(120):
        first, second = PAIRS[n % 4]
        sent.append(happened(f"u{n:03}", first, days_ago=40 - n / 10))
        if n % 3:
            sent.append(happened(f"u{n:03}", second, days_ago=30 - n / 10))
        else:
            sent.append(happened(f"u{n:03}", second, days_ago=3.5))
            sent.append(happened(f"u{n:03}", "mug", days_ago=3.5, kind="view"))
    events.record(events=sent)


@pytest.mark.usefixtures("_shop")
def test_the_live_model_is_measured_on_the_purchases_of_the_week(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = entry_points.train()["version"]

    with listening(TOPIC) as messages:
        monkeypatch.setattr(settings, "NOTIFICATION_TOPIC", TOPIC)
        result = entry_points.report({"by": "ada"})
        (message,) = messages()

    assert result["version"] == version
    today = datetime.now(UTC).date()
    assert (result["from"], result["to"]) == (
        str(today - timedelta(days=7)),
        str(today - timedelta(days=1)),
    )
    # Only what was bought counts, and only in this week.
    assert (result["purchases"], result["users"]) == (40, 40)
    quality = result["quality"]
    assert quality["model"]["ndcg@20"] == 1.0
    assert quality["popular"]["ndcg@20"] < 0.8
    assert result["difference"][0] > 0
    assert result["shown"]["impressions"] == 0
    job = jobs.find(job_id=result["job_id"])
    assert job is not None
    assert (job.state, job.started_by) == ("succeeded", "ada")
    assert versions.live() == version
    assert message["Subject"] == f"Alsobought: report of {result['from']} to {result['to']}"
    assert "recall@20 of the live model: 100.00 %" in message["Message"]
    assert "0 shown, 0 clicked, 0 bought" in message["Message"]
    assert "ada" not in message["Message"]


def test_a_week_without_purchases_says_so() -> None:
    events.record(
        events=[
            happened(f"u{n}", item, days_ago=20 - later)
            for n in range(9)
            for later, item in enumerate(PAIRS[0])
        ]
    )
    version = entry_points.train()["version"]

    result = entry_points.report()

    assert (result["version"], result["purchases"], result["users"]) == (version, 0, 0)
    assert result["quality"] is None


def test_without_a_live_model_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody listens there: that must not matter.
    monkeypatch.setattr(settings, "NOTIFICATION_TOPIC", "nowhere")

    with pytest.raises(jobs.JobError, match="train one first"):
        entry_points.report()
