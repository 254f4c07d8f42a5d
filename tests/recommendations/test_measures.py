"""Variants side by side: measures, and when no verdict may be given."""

from datetime import date
from decimal import Decimal

from recommendations.measures import Experiment, Groups, numbers, variant_numbers

EVEN = Experiment(weights={"old": 1, "new": 1}, since=date(2026, 11, 1))


def counted(*, lists: int, clicks: int = 0, conversions: int = 0) -> Groups:
    """Return counts that are the same in each of 16 groups, with four products to a list."""
    counts = {
        "lists": lists,
        "impressions": 4 * lists,
        "clicks": clicks,
        "conversions": conversions,
        "revenue": conversions * Decimal("2.50"),
    }
    return [dict(counts) for _ in range(16)]


def test_a_clear_winner_and_the_control_beside_it() -> None:
    variants = {
        "new": counted(lists=1000, clicks=250, conversions=90),
        "old": counted(lists=1000, clicks=100, conversions=88),
    }

    (old, new), fairness = variant_numbers(variants, experiment=EVEN, days=14)

    assert (old.variant, old.outcomes, new.weight) == ("old", None, 1)
    assert fairness is not None
    assert fairness.ok
    assert new.outcomes is not None
    assert new.outcomes.ctr.verdict == "better"
    assert new.outcomes.conversion_rate.verdict == "not_enough_data"
    assert new.outcomes.ctr.difference is not None
    assert new.outcomes.ctr.difference.value == 0.0375


def test_uneven_shares_leave_no_verdict() -> None:
    variants = {"old": counted(lists=1000, clicks=100), "new": counted(lists=1200, clicks=300)}

    (_, new), fairness = variant_numbers(variants, experiment=EVEN, days=14)

    assert fairness is not None
    assert not fairness.ok
    assert new.outcomes is not None
    assert new.outcomes.ctr.verdict == "sample_ratio_mismatch"


def test_without_an_experiment_variants_come_by_name_and_are_not_compared() -> None:
    variants = {"similar": counted(lists=9), "popular": counted(lists=3)}

    found, fairness = variant_numbers(variants, experiment=None, days=3)

    assert [(row.variant, row.weight, row.outcomes) for row in found] == [
        ("popular", None, None),
        ("similar", None, None),
    ]
    assert fairness is None


def test_more_clicked_than_shown_is_no_rate() -> None:
    found = numbers(counted(lists=0, clicks=3))
    assert (found.clicks, found.ctr, found.conversion_rate, found.revenue_per_list) == (
        48,
        None,
        None,
        None,
    )
    assert numbers(counted(lists=1, clicks=5)).ctr is None
