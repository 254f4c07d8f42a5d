"""Experiments: who sees which variant, and what may be concluded from what they did."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Literal

from recommendations.estimates import (
    LEVEL,
    Estimate,
    Group,
    chi_square_tail,
    design_effect,
    difference,
    student,
)

_BITS = 53

# The rule of "not enough data yet"; docs/insights.md gives its reasons.
MIN_DAYS = 7
MIN_LISTS = 1000
MIN_HITS = 100
#: Differences below this share of the control's value are taken for none.
RELEVANT = 0.05
#: Below this the shares are not what was meant to be shown, and nothing may be concluded.
MISMATCH = 0.001
# Where the always valid interval is at its narrowest, in lists of the two variants together.
_TUNED_FOR = 10_000

Verdict = Literal["better", "worse", "same", "not_enough_data"]


def assign(*, salt: str, weights: Mapping[str, float], actor: str) -> str:
    """Return the variant that a user or session sees: always the same one.

    Each variant draws an exponential time at the rate of its weight from a hash, and the first
    one wins (weighted rendezvous hashing: Thaler, Ravishankar, IEEE/ACM ToN 6(1), 1998;
    Schindelhauer, Schomaker, SPAA 2005). So a share follows its weight, who leaves a variant that
    lost weight spreads over the others, and nobody else moves.

    Parameters
    ----------
    salt
        Of the experiment; another salt deals anew, independently.
    weights
        By variant; only their ratios matter, and 0 shows a variant to nobody.

    Raises
    ------
    ValueError
        When no variant has a weight above 0.
    """
    open_ones = [variant for variant, weight in weights.items() if weight > 0]
    if not open_ones:
        message = "an experiment needs a variant with a weight above 0"
        raise ValueError(message)

    def arrival(variant: str) -> tuple[float, str]:
        return -log(_uniform(f"{salt}\0{variant}\0{actor}")) / weights[variant], variant

    return min(open_ones, key=arrival)


def _uniform(text: str) -> float:
    """Return a number between 0 and 1, both excluded, that only depends on the text."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> (64 - _BITS)
    return (number + 0.5) / 2**_BITS


def sample_ratio(
    shown: Mapping[str, Sequence[int]], *, weights: Mapping[str, float]
) -> float | None:
    """Return how likely shares at least this far from the weights are by chance (p-value).

    The chi-square test of counts over their design effect (Rao, Scott, JASA 76, 1981), since one
    user's lists all go to one variant. None when there is too little to test, or one variant.

    Parameters
    ----------
    shown
        By variant, how many lists each random group of users was shown.
    weights
        By variant, the shares that were meant.
    """
    meant = {variant: weight for variant, weight in weights.items() if weight > 0}
    groups = list(zip(*(shown[variant] for variant in meant), strict=True))
    total = sum(map(sum, groups))
    shares = [weight / sum(meant.values()) for weight in meant.values()]
    if len(meant) < 2 or total * min(shares) < 5:
        return None
    counts = map(sum, zip(*groups, strict=True))
    expected = [share * total for share in shares]
    statistic = sum((n - e) ** 2 / e for n, e in zip(counts, expected, strict=True))
    effects = (
        (1 - share) * design_effect([Group(group[place], sum(group)) for group in groups])
        for place, share in enumerate(shares)
    )
    freedom = len(meant) - 1
    return chi_square_tail(statistic / max(1.0, sum(effects) / freedom), freedom)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a variant has to show for one measure.

    Attributes
    ----------
    estimate
        The measure; None when it cannot be computed.
    lists
        How many lists were shown.
    hits
        How many clicks or conversions the measure is made of.
    """

    estimate: Estimate | None
    lists: int
    hits: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A variant beside the control; the interval is that of the difference."""

    difference: Estimate | None
    verdict: Verdict


def compare(
    variant: Evidence, control: Evidence, *, groups: int, days: int, comparisons: int = 1
) -> Comparison:
    """Say whether a variant is better or worse than the control by one measure.

    The verdict may be looked at every day: it uses an interval that is valid at all times at once,
    not the 95 % interval of the difference, which is too narrow for whoever stops at the first
    good day.

    Parameters
    ----------
    groups
        Number of random groups of users behind the estimates.
    days
        How many days are counted.
    comparisons
        How many verdicts are given side by side, which must hold together (Bonferroni).
    """
    if variant.estimate is None or control.estimate is None:
        return Comparison(None, "not_enough_data")
    found = difference(variant.estimate, control.estimate)
    if days < MIN_DAYS or not all(_suffices(evidence) for evidence in (variant, control)):
        return Comparison(found, "not_enough_data")
    quantile = always_valid(variant.lists + control.lists, level=1 - (1 - LEVEL) / comparisons)
    half = student(quantile, groups - 1) * found.error
    low, high = found.value - half, found.value + half
    margin = RELEVANT * control.estimate.value
    if low > 0:
        return Comparison(found, "better")
    if high < 0:
        return Comparison(found, "worse")
    if -margin <= low and high <= margin:
        return Comparison(found, "same")
    return Comparison(found, "not_enough_data")


def _suffices(evidence: Evidence) -> bool:
    return evidence.lists >= MIN_LISTS and evidence.hits >= MIN_HITS


def always_valid(trials: int, *, level: float = LEVEL) -> float:
    """Return how many standard errors hold at all numbers of trials at once.

    The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, Annals of
    Statistics 52(6), 2024, theorem 2.2, at its narrowest at 10,000 trials.
    """
    alpha = 1 - level
    spread = (-2 * log(alpha) + log(-2 * log(alpha) + 1)) * trials / _TUNED_FOR
    return sqrt(2 * (spread + 1) / spread * log(sqrt(spread + 1) / alpha))
