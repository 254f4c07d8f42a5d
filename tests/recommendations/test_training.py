"""Training learns from what is stored, says how good it is, and switches at the very end."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recommendations import jobs, training
from recommendations.engine.evaluate import COSINE
from recommendations.engine.models import ItemNeighbours
from recommendations.entities import Item
from recommendations.models import JobRow
from recommendations.rules import Filters, Terms
from recommendations.services import catalogue, events, recommend, versions
from recommendations.services import jobs as job_service
from recommendations.storage import leases
from recommendations.storage import versions as version_storage
from recommendations.storage.serving import candidates
from recommendations.training.checkpoint import Choice
from tests.recommendations.factories import event

pytestmark = pytest.mark.usefixtures("dynamodb")

PAIRS = [("tea", "cup"), ("cake", "plate"), ("soap", "towel")]


@pytest.fixture
def _orders() -> None:
    """Customers who each buy one pair over two orders, and a few who have the first half only."""
    sent = []
    for n in range(60):
        first, second = PAIRS[n % 3]
        sent.append(event(f"u{n:02}", first, event_id=f"a-{n}", hours=n))
        if n % 10:
            sent.append(event(f"u{n:02}", second, event_id=f"b-{n}", hours=n + 6))
    events.record(events=sent)


@pytest.mark.usefixtures("_orders")
def test_a_trained_model_serves_what_goes_together() -> None:
    result = jobs.train()

    assert versions.live() == result["version"]
    assert result["rows"]["neighbours"] == 6
    found = recommend.serve(recommender="personal", user_id="u00", limit=1)
    assert (found.results[0].item_id, found.results[0].source) == ("cup", "personal")
    near = recommend.serve(recommender="similar", item_ids=["tea"], fallbacks=()).results
    assert near[0].item_id == "cup"
    assert near[0].support == 18


@pytest.mark.usefixtures("_orders")
def test_a_version_tells_its_data_parameters_and_quality_beside_the_baselines() -> None:
    version = versions.find(version=jobs.train()["version"])

    assert version is not None
    assert version.state == "ready"
    assert version.data["events"] == 114
    assert version.data["holdout"]["users"] > 0
    assert {"model", "popular", "trending"} <= version.metrics.keys()
    assert {"recall@20", "ndcg@20", "coverage@20"} <= version.metrics["model"].keys()
    assert version.parameters


@pytest.mark.usefixtures("_orders")
def test_the_record_of_a_job_tells_how_it_went() -> None:
    result = jobs.train({"by": "ada"})

    job = job_service.find(job_id=result["job_id"])

    assert job is not None
    assert (job.state, job.progress, job.started_by) == ("succeeded", 1.0, "ada")
    assert job.rows >= 114
    assert job.cost["round_trips"] > 10
    assert job.cost["write_units"] > 6
    assert job.result["version"] == result["version"]


def test_without_events_training_fails_with_what_to_do_and_serves_on() -> None:
    with pytest.raises(training.NothingToLearnError, match="import events first"):
        jobs.train()

    (job,) = job_service.listing(limit=5).rows
    assert job.state == "failed"
    assert "import events first" in (job.error or "")
    assert versions.live() is None


@pytest.mark.usefixtures("_orders")
def test_a_failure_before_the_switch_leaves_the_live_model_serving(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = jobs.train()["version"]

    def fail(**_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("recommendations.storage.versions.save_lists", fail)
    with pytest.raises(OSError, match="disk full"):
        jobs.train()

    assert versions.live() == before
    assert (
        recommend.serve(recommender="personal", user_id="u00", limit=1).results[0].item_id == "cup"
    )
    monkeypatch.undo()
    after = jobs.train()["version"]
    assert versions.live() == after != before


@pytest.fixture
def _noisy_orders() -> None:
    """Customers whose second order follows from the first, beside what everybody buys."""
    events.record(
        events=[
            event(
                f"v{n}",
                f"{part}-{n % 12}",
                f"{part}-noise-{n % 7}",
                event_id=part,
                hours=n / 10 + later,
            )
            for n in range(300)
            for part, later in (("first", 0), ("second", 40))
        ]
    )


@pytest.mark.usefixtures("_noisy_orders")
def test_a_model_that_is_worse_than_the_live_one_is_kept_but_not_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = jobs.train()["version"]
    bad = ItemNeighbours(column_exponent=5.0, base_share=1.0, k=2)

    monkeypatch.setattr(
        "recommendations.training.steps.choose_parameters",
        lambda *_, **__: Choice(parameters=bad.get_params()),
    )
    # What would be trained in its place must be no better.
    monkeypatch.setattr("recommendations.training.quality.COSINE", bad)
    result = jobs.train()

    assert not result["published"]
    assert versions.live() == before
    rejected = versions.find(version=result["version"])
    assert rejected is not None
    assert rejected.state == "rejected"
    assert "of the live model" in " ".join(rejected.data["decision"]["reasons"])
    # A person may publish it all the same.
    versions.publish(version=result["version"])
    assert versions.live() == result["version"]


@pytest.mark.usefixtures("_noisy_orders")
def test_what_was_judged_better_than_the_choice_is_what_is_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = ItemNeighbours(column_exponent=5.0, base_share=1.0, k=2).get_params()
    monkeypatch.setattr(
        "recommendations.training.steps.choose_parameters",
        lambda *_, **__: Choice(parameters=bad),
    )

    result = jobs.train()

    record = versions.find(version=result["version"])
    assert record is not None
    assert record.parameters == COSINE.get_params()
    near = candidates(version=result["version"], item_ids=["first-1"]).neighbours["first-1"]
    assert len(near) > 2


@pytest.mark.usefixtures("_orders")
def test_a_person_who_goes_back_while_a_model_is_trained_has_the_last_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, _ = jobs.train()["version"], jobs.train()["version"]
    save_lists = version_storage.save_lists

    def go_back(**options: Any) -> int:
        versions.publish(version=first)
        return save_lists(**options)

    monkeypatch.setattr("recommendations.storage.versions.save_lists", go_back)
    result = jobs.train()

    assert versions.live() == first
    assert not result["published"]
    assert "meanwhile" in result["reasons"][-1]
    versions.publish(version=result["version"])
    assert versions.live() == result["version"]


@pytest.mark.usefixtures("_orders")
def test_trials_and_choice_of_parameters_are_kept_with_the_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("django.conf.settings.TRAINING_TUNE_SECONDS", 30.0)

    version = versions.find(version=jobs.train()["version"])

    assert version is not None
    tuning = version.data["tuning"]
    assert tuning["measure"] == "ndcg@20"
    assert tuning["trials"][0]["changes"] == {}
    assert len(tuning["trials"]) > 1
    assert all(version.parameters[name] == value for name, value in tuning["changes"].items())


@pytest.mark.usefixtures("_orders")
def test_near_the_deadline_the_model_is_valid_and_says_that_it_is_not_refined() -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 61_000

    class Hurried:
        def get_remaining_time_in_millis(self) -> int:
            return 30_000

    refined = versions.find(version=jobs.train({}, Context())["version"])
    hurried = versions.find(version=jobs.train({}, Hurried())["version"])

    assert refined is not None
    assert hurried is not None
    assert refined.data["refined_share"] >= hurried.data["refined_share"] == 0.0
    assert (
        recommend.serve(recommender="similar", item_ids=["tea"], fallbacks=()).results[0].item_id
        == "cup"
    )


@pytest.mark.usefixtures("_orders")
def test_rolling_back_is_the_same_switch() -> None:
    first = jobs.train()["version"]
    second = jobs.train()["version"]
    assert versions.live() == second != first

    assert versions.publish(version=first) == second
    assert versions.live() == first
    assert recommend.serve(recommender="personal", user_id="u00", limit=1).model_version == first


def test_an_unknown_version_cannot_be_published() -> None:
    with pytest.raises(versions.NotPublishableError, match="no model version v9"):
        versions.publish(version="v9")


@pytest.mark.usefixtures("_orders")
def test_a_version_like_the_one_before_writes_no_neighbours_and_still_serves() -> None:
    first = jobs.train()
    second = jobs.train()

    assert first["rows"]["neighbours_written"] == 6
    assert second["rows"]["neighbours_written"] == 0
    near = recommend.serve(recommender="similar", item_ids=["tea"], fallbacks=())
    assert near.model_version == second["version"]
    assert near.results[0].item_id == "cup"


@pytest.mark.usefixtures("_orders")
def test_only_the_newest_versions_and_the_live_one_may_serve_again() -> None:
    made = [jobs.train()["version"] for _ in range(4)]

    states = {row.version: row.state for row in versions.listing(limit=10).rows}
    assert states == dict.fromkeys(made[1:], "ready") | {made[0]: "retired"}
    with pytest.raises(versions.NotPublishableError, match="retired"):
        versions.publish(version=made[0])


@pytest.mark.usefixtures("_orders")
def test_each_category_has_a_list_of_its_own() -> None:
    catalogue.save(items=[Item(item_id="towel", name="Towel", categories=("Bath",))])
    jobs.train()

    found = recommend.serve(
        recommender="personal", user_id="u00", filters=[Filters(categories=Terms(any_of=("Bath",)))]
    )

    assert [row.item_id for row in found.results] == ["towel"]


def test_two_runs_of_one_job_never_overlap_and_a_dead_run_frees_its_place() -> None:
    now = datetime.now(UTC)
    assert leases.acquire(name="train", holder="other", now=now, seconds=60)

    with pytest.raises(job_service.JobRunningError, match="another train job is running"):
        jobs.train()
    assert leases.acquire(name="train", holder="next", now=now + timedelta(seconds=61), seconds=60)


def test_a_job_started_from_the_site_runs_in_a_process_of_its_own() -> None:
    job = job_service.start(name="train", by="ada")
    assert job.state == "queued"

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = job_service.find(job_id=job.job_id)
        if found is not None and found.state == "failed":
            break
        time.sleep(0.2)

    assert found is not None
    assert (found.state, found.started_by) == ("failed", "ada")
    assert "import events first" in (found.error or "")
    assert [row.sk for row in JobRow.query(JobRow.PK)] == [job.job_id]


def _withdraw_with(item_id: str) -> None:
    for n in range(60):
        for event_id in (f"a-{n}", f"b-{n}"):
            for found in events.history(actor=f"u{n:02}", limit=5).rows:
                if found.event_id == event_id and found.items[0].item_id == item_id:
                    events.withdraw(
                        actor=f"u{n:02}", timestamp=found.timestamp, event_id=found.event_id
                    )


def _similar(item_id: str, version: str) -> list[str]:
    near = candidates(version=version, item_ids=[item_id]).neighbours.get(item_id, [])
    return [row.item_id for row in near]


@pytest.mark.usefixtures("_orders")
def test_an_item_without_events_any_more_has_no_neighbours_any_more() -> None:
    first = jobs.train()["version"]
    _withdraw_with("tea")

    second = jobs.train()["version"]

    assert _similar("tea", second) == []
    assert _similar("tea", first) == ["cup"]
    assert jobs.train()["rows"]["neighbours_written"] == 0


@pytest.mark.usefixtures("_orders")
@pytest.mark.parametrize("broken", ["neighbours.save", "versions.save_lists"])
def test_a_run_that_breaks_off_makes_no_neighbours_forgotten(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.train()
    _withdraw_with("tea")

    def fail(**_: object) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(f"recommendations.storage.{broken}", fail)
        with pytest.raises(OSError, match="killed"):
            jobs.train()

    assert _similar("tea", jobs.train()["version"]) == []


@pytest.mark.usefixtures("_orders")
def test_the_record_of_a_version_does_not_grow_with_categories(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def many(*_: object, **__: object) -> dict[str, list[tuple[str, float]]]:
        return {f"popular#{'é' * 90}-{n}": [("tea", 1.0)] for n in range(2500)}

    monkeypatch.setattr("recommendations.training.steps.ready_lists", many)

    version = versions.find(version=jobs.train()["version"])

    assert version is not None
    assert version.state == "ready"
    assert len(str(version.data)) < 20_000
    assert version.rows["lists"] == 2500
