"""What is large is measured on a sample, and written before it is refined."""

from typing import Any

import pytest

from recommendations.engine.evaluate import COSINE
from recommendations.engine.interactions import Interactions, InteractionsBuilder
from recommendations.engine.models import ItemNeighbours
from recommendations.services import events, jobs, versions
from recommendations.storage import neighbours
from recommendations.storage.serving import candidates
from recommendations.training import Timing, train
from recommendations.training.checkpoint import Choice
from recommendations.training.quality import judge
from recommendations.training.sample import most_taken, sample_users
from tests.recommendations.factories import event


def shop(*, users: int, lines: int = 10) -> Interactions:
    builder = InteractionsBuilder()
    for user in range(users):
        for line in range(lines):
            builder.add(f"u{user}", f"p{(user + line) % 97:02}", weight=1.0, time=1e9 + line * 3600)
    return builder.build()


def test_a_sample_has_all_events_of_the_same_users_each_time() -> None:
    whole = shop(users=400)
    sample = sample_users(whole, max_events=1000)
    later = sample_users(shop(users=500), max_events=1250)

    assert 700 < len(sample) < 1300
    chosen = {whole.user_ids[code] for code in sample.users}
    assert len(sample) == 10 * len(chosen)
    new = {f"u{n}" for n in range(400, 500)}
    assert chosen == {later.user_ids[code] for code in later.users} - new
    assert sample_users(whole, max_events=4000) is whole


def test_items_that_nobody_in_the_sample_took_are_left_out() -> None:
    sample = sample_users(shop(users=400, lines=1), max_events=40)
    assert sample.n_items == len(set(sample.items.tolist())) < 97

    few = most_taken(shop(users=90), max_items=5)
    assert few.n_items == 5
    assert set(few.item_ids) <= {f"p{n:02}" for n in range(9, 90)}


@pytest.mark.usefixtures("dynamodb")
def test_quality_says_which_share_it_was_measured_on_and_keeps_to_the_time() -> None:
    whole = shop(users=400)
    choice = Choice(parameters=ItemNeighbours().get_params())

    sampled = judge(whole, choice, timing=Timing(), max_events=2000)
    assert 0.4 < sampled.events_share < 0.6
    assert sampled.refine_seconds is None

    hurried = judge(whole, choice, timing=Timing(deadline=100.0, clock=lambda: 200.0))
    assert (hurried.events_share, hurried.refine_seconds) == (1.0, 0.0)
    base = judge(
        whole, Choice(parameters=ItemNeighbours(base_share=1.0).get_params()), timing=Timing()
    )
    assert hurried.evaluation.metrics["model"] == base.evaluation.metrics["model"]


@pytest.mark.usefixtures("dynamodb")
def test_plain_cosine_is_trained_where_it_is_better_than_what_was_chosen() -> None:
    narrow = ItemNeighbours(base_share=1.0, k=1)
    whole = shop(users=400)

    judged = judge(whole, Choice(parameters=narrow.get_params()), timing=Timing())

    assert judged.choice.parameters == COSINE.get_params()
    assert judged.decision.publish
    own = judge(whole, Choice(parameters=COSINE.get_params()), timing=Timing())
    assert own.choice.parameters == COSINE.get_params()


@pytest.mark.usefixtures("dynamodb")
def test_the_base_of_a_large_catalogue_is_stored_before_it_is_refined() -> None:
    events.record(
        events=[
            event(f"u{n}", item, event_id=item, hours=n)
            for n in range(40)
            for item in (("tea", "cup") if n % 2 else ("cake", "plate"))
        ]
    )

    def killed(progress: jobs.Progress) -> dict[str, object]:
        step = progress.step

        def stop(name: str, *, progress: float) -> None:
            if name == "refining":
                raise OSError("killed")
            step(name, progress=progress)

        progress.step = stop  # type: ignore[method-assign]
        return train(progress, tune_seconds=0.0, large_catalogue=4)

    with pytest.raises(OSError, match="killed"):
        jobs.run(name="train", work=killed)
    (half,) = versions.listing(limit=5).rows
    assert (half.state, versions.live()) == ("training", None)
    found = candidates(version=half.version, item_ids=["tea"])
    assert [row.item_id for row in found.neighbours["tea"]] == ["cup"]

    def whole(progress: jobs.Progress) -> dict[str, object]:
        return train(progress, tune_seconds=0.0, large_catalogue=4)

    result = jobs.run(name="train", work=whole).result
    assert result["refined_share"] == 1.0
    assert versions.live() == result["version"]
    # The base is in force already; refining changes weights, which are then written again.
    assert result["rows"]["neighbours"] == 4
    assert result["rows"]["next_written"] == result["rows"]["next"]


@pytest.mark.usefixtures("dynamodb")
def test_what_writing_takes_is_left_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    events.record(
        events=[event(f"u{n}", "tea", "cup", f"p{n % 5}", event_id="o", hours=n) for n in range(40)]
    )
    now = 0.0
    save = neighbours.save

    def slow(**options: Any) -> neighbours.Written:
        nonlocal now
        now += 200.0
        return save(**options)

    monkeypatch.setattr("recommendations.storage.neighbours.save", slow)

    def run(deadline: float) -> dict[str, Any]:
        nonlocal now
        now = 0.0
        timing = Timing(deadline=deadline, clock=lambda: now)
        result = jobs.run(
            name="train",
            work=lambda progress: train(
                progress, tune_seconds=0.0, timing=timing, large_catalogue=4
            ),
        ).result
        assert result["published"]
        assert now <= deadline
        return result

    # The base and the refined rows take 200 seconds each, the other kinds as much again.
    assert run(400.0)["refined_share"] == 0.0
    unhurried = run(700.0)
    assert (unhurried["refined_share"], "next" in unhurried["rows"]) == (1.0, False)
    assert "next" in run(900.0)["rows"]
