"""Staff see what runs when, start jobs, follow them, stop them and run them again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import audit
from core.validation import to_iso
from project.aws.schedules import job_schedule
from recommendations import jobs as entry_points
from recommendations.services import jobs, schedule
from recommendations.services.jobs import LastRun, LogLine, Progress
from recommendations.staff.job_texts import DESCRIPTIONS
from recommendations.storage import jobs as storage
from tests.recommendations.staff.conftest import LogIn

pytestmark = pytest.mark.usefixtures("dynamodb")
PAGE = "/admin/jobs/"
NOW = datetime(2026, 11, 26, 12, 7, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_spawn", lambda **_: None)


def text(client: Any, url: str = PAGE) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, url
    return answer.content.decode()


def last(at: datetime) -> LastRun:
    moment = to_iso(at)
    return LastRun(
        job_id=None,
        state="succeeded",
        started_by="schedule",
        created_at=moment,
        finished_at=moment,
        error=None,
    )


@pytest.mark.parametrize(
    ("expression", "words", "expected"),
    [
        ("rate(5 minutes)", "every 5 minutes", "2026-11-26T12:11:00Z"),
        ("rate(1 day)", "every day", "2026-11-27T12:06:00Z"),
        ("cron(0 3 * * ? *)", "every day at 03:00 UTC", "2026-11-27T03:00:00Z"),
        ("cron(30 4 ? * SUN *)", "every Sun at 04:30 UTC", "2026-11-29T04:30:00Z"),
        # EventBridge's Sunday is 1.
        ("cron(0 6 ? * 1 *)", "cron(0 6 ? * 1 *)", "2026-11-29T06:00:00Z"),
        ("cron(0 6 ? * 2#1 *)", "cron(0 6 ? * 2#1 *)", "2026-12-07T06:00:00Z"),
        ("cron(0/15 8-9 1,15 * ? *)", "cron(0/15 8-9 1,15 * ? *)", "2026-12-01T08:00:00Z"),
        ("cron(61 3 * * ? *)", "every day at 03:61 UTC", None),
        ("at(2027-01-01T00:00:00)", "at(2027-01-01T00:00:00)", None),
    ],
)
def test_a_schedule_says_when_it_comes_next(
    expression: str, words: str, expected: str | None
) -> None:
    run = last(NOW - timedelta(minutes=1))
    found = schedule.next_run(expression, last=run, now=NOW)
    assert (None if found is None else to_iso(found)) == expected
    assert schedule.in_words(expression) == words
    if expression.startswith("rate"):
        assert schedule.next_run(expression, last=None, now=NOW) is None
        late = schedule.next_run(expression, last=last(NOW - timedelta(days=9)), now=NOW)
        assert late is not None
        assert late > NOW, "what was missed does not come again"


def test_the_schedule_is_that_of_the_jobs_function() -> None:
    assert job_schedule("alsobought-production-jobs")["train"].startswith("cron(")
    assert job_schedule("") == job_schedule("alsobought-local-jobs")
    assert job_schedule("somebody-elses") == {}


def test_the_page_shows_what_runs_when_and_how_it_ended_last(log_in: LogIn, settings: Any) -> None:
    settings.JOB_SCHEDULE = {"trend": "rate(5 minutes)"}
    entry_points.trend()
    client = log_in("operator")

    page = text(client)
    assert "No schedule runs on this machine" in page
    assert "every 5 minutes" in page
    assert "succeeded" in page
    assert "/admin/jobs/actions/rebuild/" in page
    assert "/admin/jobs/actions/" not in text(log_in("viewer"))

    settings.JOBS_FUNCTION = "jobs"
    page = text(client)
    assert "No schedule runs" not in page
    assert "in 4 min" in page or "in 5 min" in page
    assert "What runs when" not in text(client, f"{PAGE}?state=failed"), "only above the whole list"


def test_every_job_says_what_it_does() -> None:
    assert set(DESCRIPTIONS) >= set(jobs.NAMES)
    for name in jobs.NAMES:
        assert callable(getattr(entry_points, jobs.entry_point(name)))


def test_a_job_is_started_cancelled_and_retried_and_it_is_written_down(log_in: LogIn) -> None:
    client = log_in("operator")
    assert "costs" in text(client, f"{PAGE}actions/rebuild/")
    client.post(f"{PAGE}actions/rebuild/")
    (job,) = jobs.listing(limit=5).rows
    url = f"{PAGE}{job.job_id}/"
    assert f"{url}actions/cancel/" in text(client, url)
    assert f"{url}actions/retry/" not in text(client, url)
    assert client.get(f"{url}actions/retry/").status_code == 302
    assert log_in("merchandiser").post(f"{url}actions/cancel/").status_code == 403

    client.post(f"{url}actions/cancel/")

    page = text(client, url)
    assert "Cancelled by operator." in page
    assert f"{url}actions/cancel/" not in page
    client.post(f"{url}actions/retry/")
    assert [(row.name, row.state) for row in jobs.listing(limit=5).rows] == [
        ("rebuild", "queued"),
        ("rebuild", "cancelled"),
    ]
    entries = audit.listing(limit=5).rows
    assert [(entry.action, entry.by) for entry in entries] == [
        ("jobs.retry", "operator"),
        ("jobs.cancel", "operator"),
        ("jobs.rebuild", "operator"),
    ]


def test_a_job_that_stops_says_so_and_one_that_has_ended_brings_the_page_anew(
    log_in: LogIn,
) -> None:
    client = log_in("operator")

    def work(progress: Progress) -> dict[str, Any]:
        progress.step("reading <b>events</b>", progress=0.1)
        url = f"{PAGE}{progress.job.job_id}/"
        client.post(f"{url}actions/cancel/")
        page = text(client, url)
        assert "operator has cancelled it" in page
        assert "stopping" in page
        assert "reading &lt;b&gt;events" in page
        assert "data-ended" not in text(client, f"{url}parts/progress/")
        return {}

    job = jobs.run(name="rebuild", work=work)
    url = f"{PAGE}{job.job_id}/"

    assert job.state == "succeeded", "it was done before its next report"
    assert "data-ended" in text(client, f"{url}parts/progress/")
    assert "data-ended" not in text(client, url), "the whole page is not asked for again"


def test_the_log_is_shown_with_its_warnings(log_in: LogIn) -> None:
    job = jobs._new(name="train", by="ada", parameters={})
    later = to_iso(datetime.now(UTC) + timedelta(seconds=90))
    storage.save(replace(job, state="failed", log=(LogLine(later, "warning", "slow"),)))

    page = text(log_in("viewer"), f"{PAGE}{job.job_id}/")

    assert "1 min 30 s" in page
    assert "Warning: slow" in page


def test_jobs_are_narrowed_by_name_and_state(log_in: LogIn) -> None:
    for name, state in (("train", "failed"), ("export", "failed"), ("train", "succeeded")):
        job = jobs._new(name=name, by=f"{name}-{state}", parameters={})
        storage.save(replace(job, state=state))

    page = text(log_in("viewer"), f"{PAGE}?name=train&state=failed")

    assert "train-failed" in page
    assert "train-succeeded" not in page
    assert "export-failed" not in page


def test_the_page_of_a_weekly_report_compares_the_model_and_says_what_it_led_to(
    log_in: LogIn,
) -> None:
    counts = {
        "impressions": 1200,
        "clicks": 60,
        "conversions": 6,
        "ctr": 0.05,
        "conversion_rate": 0.005,
        "revenue_share": None,
    }
    measures = {"recall@20": 0.25, "ndcg@20": 0.125, "hit_rate@20": 0.5}
    report = jobs.Job(
        job_id="r1",
        name="report",
        state="succeeded",
        started_by="schedule",
        created_at=to_iso(NOW),
        finished_at=to_iso(NOW),
        execution="arn:aws:states:eu-west-1:1:execution:train:r1",
        result={
            "version": "v1",
            "from": "2026-11-19",
            "to": "2026-11-25",
            "purchases": 90,
            "users": 42,
            "quality": dict.fromkeys(("model", "popular", "trending"), measures),
            "difference": [-0.02, 0.03],
            "shown": counts,
            "before": {**counts, "impressions": 0, "ctr": None},
        },
    )
    storage.save(report)
    client = log_in("viewer")

    page = text(client, f"{PAGE}r1/")

    for words in ("2026-11-19 to 2026-11-25", "42 customers", "about as good as", "Hit rate@20"):
        assert words in page
    for cell in ("25.0 %", "12.5 %", "1,200", "5.0 %"):
        assert f">{cell}</td>" in page
    assert "console.aws.amazon.com/states" in page

    storage.save(replace(report, result={**report.result, "quality": None, "difference": None}))
    assert "nothing to measure the model on" in text(client, f"{PAGE}r1/")
