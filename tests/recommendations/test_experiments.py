"""Who sees which variant of an experiment."""

from collections import Counter

import pytest

from recommendations.experiments import assign

ACTORS = [f"user-{number}" for number in range(4000)]


def dealt(weights: dict[str, float], salt: str = "s") -> dict[str, str]:
    return {actor: assign(salt=salt, weights=weights, actor=actor) for actor in ACTORS}


def moves(before: dict[str, str], after: dict[str, str]) -> Counter[tuple[str, str]]:
    return Counter((before[a], after[a]) for a in ACTORS if before[a] != after[a])


def test_an_actor_keeps_the_variant_whatever_the_order_and_scale_of_the_weights() -> None:
    assert dealt({"a": 1, "b": 3}) == dealt({"b": 75, "a": 25})
    # Held for good: who is in an experiment today must be in the same variant tomorrow.
    assert [assign(salt="s", weights={"a": 1, "b": 1}, actor=a) for a in ACTORS[:8]] == list(
        "baabbbab"
    )


def test_shares_follow_the_weights() -> None:
    shares = Counter(dealt({"a": 50, "b": 30, "c": 20, "off": 0}).values())

    assert shares["a"] == pytest.approx(2000, abs=130)
    assert shares["b"] == pytest.approx(1200, abs=120)
    assert shares["c"] == pytest.approx(800, abs=110)
    assert "off" not in shares


def test_a_changed_weight_moves_nobody_between_the_other_variants() -> None:
    before = dealt({"a": 50, "b": 30, "c": 20})
    after = dealt({"a": 50, "b": 30, "c": 40})

    moved = moves(before, after)

    assert {target for _, target in moved} == {"c"}
    # The share of c grows from 1/5 to 1/3, and no more than that moves.
    assert moved.total() == pytest.approx(len(ACTORS) * (1 / 3 - 1 / 5), abs=90)
    assert {source for source, _ in moves(after, dealt({"a": 50, "b": 30}))} == {"c"}


def test_another_experiment_deals_independently() -> None:
    one, other = dealt({"a": 1, "b": 1}, "s"), dealt({"a": 1, "b": 1}, "t")

    both = sum(one[actor] == other[actor] == "a" for actor in ACTORS)

    assert both == pytest.approx(1000, abs=110)


@pytest.mark.parametrize("weights", [{}, {"a": 0}])
def test_an_experiment_without_a_variant_to_show_is_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        assign(salt="s", weights=weights, actor="ann")
