"""Who sees which variant of an experiment, and what is concluded from it."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from recommendations.estimates import Group, rate
from recommendations.experiments import (
    MISMATCH,
    Evidence,
    always_valid,
    assign,
    compare,
    sample_ratio,
)

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


def test_the_sample_ratio_of_independent_lists_is_the_chi_square_test() -> None:
    even = {"a": [60, 70] * 8, "b": [70, 60] * 8, "c": [120] * 16}

    p_value = sample_ratio(even, weights={"a": 1, "b": 1, "c": 2})

    expected = stats.chisquare([1040, 1040, 1920], [1000, 1000, 2000]).pvalue
    assert p_value == pytest.approx(expected)
    # Four hundred fewer than meant: nobody calls that chance.
    assert sample_ratio({"a": [60] * 16, "b": [85] * 16}, weights={"a": 1, "b": 1}) < MISMATCH


def test_one_busy_user_is_no_mismatch() -> None:
    shown = {"a": [100] * 15 + [1100], "b": [100] * 16}

    assert sample_ratio(shown, weights={"a": 1, "b": 1}) > 0.1
    assert stats.chisquare([2600, 1600]).pvalue < MISMATCH


@pytest.mark.parametrize(
    ("shown", "weights"),
    [
        ({"a": [], "b": []}, {"a": 1, "b": 1}),
        ({"a": [4], "b": [4]}, {"a": 1, "b": 1}),
        ({"a": [400]}, {"a": 1}),
        ({"a": [400]}, {"a": 1, "b": 0}),
    ],
)
def test_a_sample_ratio_needs_variants_and_something_shown(
    shown: dict[str, list[int]], weights: dict[str, float]
) -> None:
    assert sample_ratio(shown, weights=weights) is None


def evidence(clicks: int, lists: int, *, hits: int | None = None) -> Evidence:
    """Return evidence from 16 groups that hardly differ."""
    groups = [Group(clicks / 16, lists / 16)] * 16
    return Evidence(rate(groups), lists, clicks if hits is None else hits)


def verdict(variant: Evidence, control: Evidence, *, days: int = 14, comparisons: int = 1) -> str:
    return compare(variant, control, groups=16, days=days, comparisons=comparisons).verdict


def test_verdicts() -> None:
    control = evidence(1000, 10_000)

    assert verdict(evidence(1300, 10_000), control) == "better"
    assert verdict(evidence(800, 10_000), control) == "worse"
    assert verdict(evidence(1030, 10_000), control) == "not_enough_data"
    assert verdict(evidence(200_100, 2_000_000), evidence(200_000, 2_000_000)) == "same"
    # Significant for who looks once, but not for who may look every day.
    found = compare(evidence(1100, 10_000), control, groups=16, days=14)
    assert found.difference is not None
    assert found.difference.low > 0
    assert found.verdict == "not_enough_data"


def test_too_little_gives_no_verdict_however_large_the_difference() -> None:
    control, better = evidence(1000, 10_000), evidence(2000, 10_000)

    assert verdict(better, control, days=6) == "not_enough_data"
    assert verdict(evidence(400, 999), control) == "not_enough_data"
    assert verdict(better, evidence(99, 10_000)) == "not_enough_data"
    assert verdict(Evidence(None, 0, 0), control) == "not_enough_data"
    assert compare(Evidence(None, 0, 0), control, groups=16, days=14).difference is None


def test_more_comparisons_ask_for_more_evidence() -> None:
    variant, control = evidence(1180, 10_000), evidence(1000, 10_000)

    assert verdict(variant, control) == "better"
    assert verdict(variant, control, comparisons=9) == "not_enough_data"


def test_who_looks_every_day_is_seldom_misled() -> None:
    """Of experiments between equals over four weeks, nearly none may ever show a winner."""
    chance = np.random.default_rng(7)
    misled = naive = 0
    for _ in range(200):
        daily = chance.poisson(20, (28, 2, 16))
        lists, clicks = np.cumsum([daily, chance.binomial(daily, 0.2)], axis=1)
        verdicts, spans = set(), []
        for day in range(28):
            pair = [
                Evidence(
                    rate([Group(float(c), float(n)) for c, n in zip(*rows, strict=True)]),
                    int(rows[1].sum()),
                    int(rows[0].sum()),
                )
                for rows in zip(clicks[day], lists[day], strict=True)
            ]
            found = compare(pair[0], pair[1], groups=16, days=day + 1)
            assert found.difference is not None
            verdicts.add(found.verdict)
            if day >= 6:
                spans.append(found.difference)
        misled += bool(verdicts & {"better", "worse"})
        naive += any(span.low > 0 or span.high < 0 for span in spans)

    assert misled / 200 <= 0.05
    assert naive / 200 > 0.08


def test_the_always_valid_interval_is_narrowest_where_it_was_tuned() -> None:
    widths = {n: always_valid(n) for n in (1000, 10_000, 1_000_000)}

    assert widths[10_000] == min(widths.values()) == pytest.approx(3.04, abs=0.01)
    assert always_valid(10_000, level=0.99) > widths[10_000]
