"""How sure a counted rate is: estimates with 95 % intervals, in pure Python.

Counts come in random groups of users. What one user does goes together, so that ten lists shown to
one user say less than ten shown to ten; how much less is seen from how much the groups differ
("random groups": Wolter, *Introduction to Variance Estimation*, 2007, ch. 2; for experiments:
Chamandy et al., "Teaching Statistics at Google Scale", The American Statistician 69(4), 2015).
"""

from collections.abc import Sequence
from math import erfc, exp, gamma, sqrt
from statistics import NormalDist
from typing import NamedTuple

LEVEL = 0.95
_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


class Group(NamedTuple):
    """What was counted in one random group of users: how often out of how many."""

    hits: float
    of: float


class Estimate(NamedTuple):
    """A number, its 95 % interval, and its standard error."""

    value: float
    low: float
    high: float
    error: float


def wilson(hits: float, of: float, *, quantile: float = _Z) -> tuple[float, float]:
    """Return Wilson's interval of a proportion (JASA 22, 1927); ``of`` must be above 0."""
    share, square = hits / of, quantile**2
    centre = share + square / (2 * of)
    half = quantile * sqrt(share * (1 - share) / of + square / (4 * of**2))
    scale = 1 + square / of
    low = (centre - half) / scale if hits > 0 else 0.0
    high = (centre + half) / scale if hits < of else 1.0
    return low, high


def rate(groups: Sequence[Group]) -> Estimate | None:
    """Estimate a proportion: Wilson's interval for the effective number of trials.

    That number is the real one over the design effect (Kish, *Survey Sampling*, 1965): how much
    more the groups differ than independent trials would. Without trials, or with more hits than
    trials, there is no proportion.
    """
    hits, of = _sums(groups)
    if not of or hits > of:
        return None
    share = hits / of
    effective = of / max(1.0, design_effect(groups))
    low, high = wilson(share * effective, effective, quantile=student(_Z, len(groups) - 1))
    return Estimate(share, low, high, sqrt(share * (1 - share) / effective))


def ratio(groups: Sequence[Group]) -> Estimate | None:
    """Estimate an amount per trial by the linearised variance of a ratio; None without trials."""
    total, of = _sums(groups)
    if not of:
        return None
    error = sqrt(_variance(groups))
    half = student(_Z, len(groups) - 1) * error
    return Estimate(total / of, total / of - half, total / of + half, error)


def difference(one: Estimate, other: Estimate) -> Estimate:
    """Estimate how much larger one number is than another, from the intervals of the two.

    For proportions that is Newcombe's method 10 (Statistics in Medicine 17, 1998); it holds for
    others too (Zou, Donner, Statistics in Medicine 27, 2008).
    """
    value = one.value - other.value
    return Estimate(
        value,
        value - sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2),
        value + sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2),
        sqrt(one.error**2 + other.error**2),
    )


def design_effect(groups: Sequence[Group]) -> float:
    """Return how much larger the variance of a proportion is than that of independent trials."""
    hits, of = _sums(groups)
    binomial = hits / of * (1 - hits / of) / of
    return _variance(groups) / binomial if binomial else 1.0


def _sums(groups: Sequence[Group]) -> tuple[float, float]:
    return sum(group.hits for group in groups), sum(group.of for group in groups)


def _variance(groups: Sequence[Group]) -> float:
    """Return the variance of total hits over total trials, by the groups' residuals."""
    hits, of = _sums(groups)
    residuals = sum((group.hits - hits / of * group.of) ** 2 for group in groups)
    return len(groups) / (len(groups) - 1) * residuals / of**2


def student(normal: float, freedom: int) -> float:
    """Return the quantile of Student's t that is as rare as one of the normal distribution.

    Abramowitz, Stegun, *Handbook of Mathematical Functions*, 26.7.5.
    """
    z, n = normal, freedom
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    )


def chi_square_tail(value: float, freedom: int) -> float:
    """Return how likely a chi-square of so many degrees of freedom is at least so large.

    Abramowitz, Stegun, 26.4.4 and 26.4.5.
    """
    half = value / 2
    tail, start = (exp(-half), 1.0) if freedom % 2 == 0 else (erfc(sqrt(half)), 0.5)
    terms = range(int(freedom / 2 - start + 0.5))
    return tail + exp(-half) * sum(half ** (start + k) / gamma(start + k + 1) for k in terms)
