"""From counters to measures: click-through, conversions, revenue, and variants side by side."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

from recommendations.estimates import Estimate, Group, rate, ratio
from recommendations.experiments import MISMATCH, Comparison, Evidence, Verdict, compare
from recommendations.experiments import sample_ratio as test_sample_ratio

#: The counts of each random group of users.
Groups = list[dict[str, int | Decimal]]

_DIGITS = 6


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A number, and between what it lies with a certainty of 95 %."""

    value: float
    low: float
    high: float


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted, and the measures made of it.

    ``impressions``, ``clicks``, ``carts`` and ``conversions`` are products, ``lists`` are answers
    shown. A measure is null where nothing was shown, or more was clicked than shown.
    """

    lists: int
    impressions: int
    clicks: int
    carts: int
    conversions: int
    units: int
    revenue: Decimal
    ctr: Interval | None
    conversion_rate: Interval | None
    revenue_per_list: Interval | None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A variant's measure less the control's, and whether that is a difference."""

    difference: Interval | None
    verdict: Verdict | Literal["sample_ratio_mismatch"]


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """A variant beside the control, by each measure."""

    ctr: Outcome
    conversion_rate: Outcome
    revenue_per_list: Outcome


class VariantNumbers(Numbers, frozen=True, kw_only=True):
    """What was counted for one variant; ``weight`` and ``outcomes`` in a running experiment.

    The control has no outcomes: it is what the others are compared with.
    """

    variant: str
    weight: float | None = None
    outcomes: Outcomes | None = None


class SampleRatio(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the variants were shown in the shares that were meant.

    ``p_value`` is how likely shares at least this uneven are by chance; below 0.001 something is
    wrong with how they are shown or reported, and no verdict is given.
    """

    p_value: float
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An experiment as it is running.

    Attributes
    ----------
    weights
        By variant; the first one is the control.
    since
        The first whole day, in UTC, with these weights.
    """

    weights: Mapping[str, float]
    since: date


@dataclass(frozen=True, slots=True)
class _Measure:
    """How often out of how many; ``evidence`` is the count that says how much is known."""

    hits: str
    of: str
    evidence: str
    estimate: Callable[[Sequence[Group]], Estimate | None]

    def __call__(self, groups: Groups) -> Estimate | None:
        return self.estimate(
            [Group(float(g.get(self.hits, 0)), float(g.get(self.of, 0))) for g in groups]
        )


_MEASURES = {
    "ctr": _Measure("clicks", "impressions", "clicks", rate),
    "conversion_rate": _Measure("conversions", "lists", "conversions", rate),
    "revenue_per_list": _Measure("revenue", "lists", "conversions", ratio),
}


def total(parts: Iterable[Groups], *, groups: int) -> Groups:
    """Return the sum of counts, group by group."""
    sums: Groups = [{} for _ in range(groups)]
    for part in parts:
        for own, counts in zip(sums, part, strict=True):
            for name, count in counts.items():
                own[name] = own.get(name, 0) + count
    return sums


def count(groups: Groups, name: str) -> int:
    """Return a count over all groups."""
    return int(sum(counts.get(name, 0) for counts in groups))


def money(groups: Groups, name: str) -> Decimal:
    """Return an amount over all groups."""
    return sum((Decimal(counts.get(name, 0)) for counts in groups), Decimal(0))


def numbers(groups: Groups) -> Numbers:
    """Return the counts over all groups, with their measures."""
    return Numbers(
        lists=count(groups, "lists"),
        impressions=count(groups, "impressions"),
        clicks=count(groups, "clicks"),
        carts=count(groups, "carts"),
        conversions=count(groups, "conversions"),
        units=count(groups, "units"),
        revenue=money(groups, "revenue"),
        **{name: _interval(measure(groups)) for name, measure in _MEASURES.items()},
    )


def variant_numbers(
    variants: Mapping[str, Groups], *, experiment: Experiment | None, days: int
) -> tuple[list[VariantNumbers], SampleRatio | None]:
    """Return the variants side by side, those of the experiment first, and whether that is fair.

    Parameters
    ----------
    variants
        What was counted, by variant; for an experiment all of its own, from its first day on.
    days
        On how many days.
    """
    weights = {} if experiment is None else experiment.weights
    known = {name: variants[name] for name in weights}
    fairness = _sample_ratio(known, weights)
    found = []
    for name in [*known, *sorted(variants.keys() - known.keys())]:
        outcomes = None
        if name in known and name != next(iter(weights)):
            outcomes = _outcomes(name, known, weights=weights, days=days, fairness=fairness)
        fields = msgspec.structs.asdict(numbers(variants[name]))
        found.append(
            VariantNumbers(**fields, variant=name, weight=weights.get(name), outcomes=outcomes)
        )
    return found, fairness


def _sample_ratio(
    variants: Mapping[str, Groups], weights: Mapping[str, float]
) -> SampleRatio | None:
    shown = {
        name: [int(counts.get("lists", 0)) for counts in groups]
        for name, groups in variants.items()
    }
    p_value = test_sample_ratio(shown, weights=weights)
    return None if p_value is None else SampleRatio(p_value=p_value, ok=p_value >= MISMATCH)


def _outcomes(
    name: str,
    variants: Mapping[str, Groups],
    *,
    weights: Mapping[str, float],
    days: int,
    fairness: SampleRatio | None,
) -> Outcomes:
    own, control = variants[name], variants[next(iter(weights))]

    def outcome(measure: _Measure) -> Outcome:
        found: Comparison = compare(
            _evidence(own, measure),
            _evidence(control, measure),
            groups=len(own),
            days=days,
            comparisons=len(_MEASURES) * (len(weights) - 1),
        )
        is_fair = fairness is None or fairness.ok
        return Outcome(
            difference=_interval(found.difference),
            verdict=found.verdict if is_fair else "sample_ratio_mismatch",
        )

    return Outcomes(**{key: outcome(measure) for key, measure in _MEASURES.items()})


def _evidence(groups: Groups, measure: _Measure) -> Evidence:
    return Evidence(measure(groups), count(groups, "lists"), count(groups, measure.evidence))


def _interval(estimate: Estimate | None) -> Interval | None:
    if estimate is None:
        return None
    value, low, high, _ = (round(number, _DIGITS) for number in estimate)
    return Interval(value=value, low=low, high=high)
