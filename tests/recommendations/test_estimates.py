"""Intervals agree with published tables, with scipy, and with simulated shops."""

import random

import pytest
from scipy import stats

from recommendations.estimates import (
    Estimate,
    Group,
    chi_square_tail,
    difference,
    rate,
    ratio,
    student,
    wilson,
)


def estimate(hits: int, of: int) -> Estimate:
    return Estimate(hits / of, *wilson(hits, of), 0.0)


# Newcombe, Statistics in Medicine 17, 1998, 857-872, table I, method 3.
@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611),
     (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_wilson_gives_the_published_intervals(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == pytest.approx((low, high), abs=5e-5)
    oracle = stats.binomtest(hits, of).proportion_ci(method="wilson")
    assert wilson(hits, of) == pytest.approx((oracle.low, oracle.high), abs=1e-9)


# Newcombe, Statistics in Medicine 17, 1998, 873-890, table II, method 10.
@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090),
     ((10, 10), (0, 10), 0.6075, 1.0), ((0, 10), (0, 20), -0.1611, 0.2775)],
)  # fmt: skip
def test_the_difference_of_two_rates_has_the_published_interval(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    found = difference(estimate(*one), estimate(*other))

    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 10])
def test_tails_agree_with_scipy(freedom: int) -> None:
    for value in (0.01, 1.0, 5.0, 20.0, 60.0):
        assert chi_square_tail(value, freedom) == pytest.approx(stats.chi2.sf(value, freedom))
    assert chi_square_tail(0, freedom) == 1
    for normal in (1.0, 1.96, 3.0):
        expected = stats.t.isf(stats.norm.sf(normal), 15)
        assert student(normal, 15) == pytest.approx(expected, rel=2e-3)


def test_even_groups_give_no_narrower_interval_than_independent_trials() -> None:
    found = rate([Group(10, 100)] * 16)

    assert found is not None
    expected = wilson(160, 1600, quantile=student(1.959964, 15))
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-8)
    assert found.high - found.low > wilson(160, 1600)[1] - wilson(160, 1600)[0]


def test_what_is_no_proportion_has_no_rate() -> None:
    assert rate([Group(0, 0)] * 16) is None
    assert rate([Group(2, 1)] * 16) is None
    assert ratio([Group(0, 0)] * 16) is None


def test_a_rate_of_nothing_or_all_still_has_an_interval() -> None:
    nothing, everything = rate([Group(0, 5)] * 16), rate([Group(5, 5)] * 16)

    assert nothing is not None
    assert everything is not None
    assert nothing.low == 0 < nothing.high < 0.1
    assert 0.9 < everything.low < everything.high == 1


def _shop(seed: int) -> tuple[list[Group], list[Group]]:
    """Return clicks, and money, per list of 200 users with tastes and numbers of visits."""
    chance = random.Random(seed)
    clicks, money = [[0.0, 0.0] for _ in range(16)], [[0.0, 0.0] for _ in range(16)]
    for _ in range(200):
        group = chance.randrange(16)
        taste = chance.betavariate(1, 9)
        for _ in range(1 + int(chance.expovariate(0.1))):
            clicked = chance.random() < taste
            for counts, amount in ((clicks, 1.0), (money, chance.expovariate(0.05))):
                counts[group][0] += amount * clicked
                counts[group][1] += 1
    return [Group(*row) for row in clicks], [Group(*row) for row in money]


def test_intervals_cover_the_truth_as_often_as_they_say_when_users_differ() -> None:
    shops = [_shop(seed) for seed in range(300)]

    rates, ratios = [rate(clicks) for clicks, _ in shops], [ratio(money) for _, money in shops]
    naive = [wilson(*map(sum, zip(*clicks, strict=True))) for clicks, _ in shops]

    assert sum(r.low <= 0.1 <= r.high for r in rates if r) / 300 > 0.92
    assert sum(r.low <= 2 <= r.high for r in ratios if r) / 300 > 0.90
    # What it would be if each list were taken as a trial of its own.
    assert sum(low <= 0.1 <= high for low, high in naive) / 300 < 0.85
