"""Insights say what the stored events say, at a bounded cost."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

import msgspec
import pytest

from core.dynamodb.meter import metered
from core.validation import InvalidInputError
from recommendations.entities import Event, Line
from recommendations.placements import Experiment, Placement, Variant
from recommendations.services import attribution, events, insights, placements, statistics
from recommendations.services.experiments import UnknownPlacementError
from recommendations.storage.events import key_of
from tests.recommendations.factories import START, event

pytestmark = pytest.mark.usefixtures("dynamodb")

FIRST = START.date()


def did(
    user: str | None,
    kind: str,
    *items: str,
    of: str | None = None,
    hours: float = 0,
    price: str | None = None,
    quantity: int = 1,
) -> Event:
    made = event(user, kind=kind, hours=hours, event_id=f"{kind}-{hours}", session="s")
    lines = tuple(Line(item, quantity, None if price is None else Decimal(price)) for item in items)
    return msgspec.structs.replace(made, items=lines, recommendation_id=of)


def store(happened: Iterable[Event]) -> None:
    rows = list(happened)
    events.record(events=rows)
    assert statistics.apply(keys=[key_of(one) for one in rows]) == set()


def save(placement: str, experiment: Experiment | None = None) -> None:
    row = Placement(name=placement, recommender="popular", experiment=experiment)
    placements.save(placement=row, by="ada")


def test_a_list_shown_clicked_and_bought_from() -> None:
    home = attribution.new_id(recommender="popular", placement="home")
    save("home")
    store(
        [
            did("ann", "impression", "tea", "cup", "pot", of=home),
            did("ann", "click", "tea", of=home, hours=1),
            did("ann", "cart", "tea", hours=2),
            did("ann", "purchase", "tea", "jam", hours=13, price="2.50", quantity=4),
            did("bob", "purchase", "tea", hours=14, price="10"),
            did("bob", "impression", "tea", of="forged"),
        ]
    )

    found = insights.report(since=FIRST, until=FIRST + timedelta(days=2), placement="home")

    assert [row.day for row in found.days] == [FIRST + timedelta(days=n) for n in range(3)]
    shown, bought, nothing = found.days
    assert (shown.lists, shown.impressions, shown.clicks, shown.carts) == (1, 3, 1, 1)
    assert (bought.conversions, bought.units, bought.revenue) == (1, 4, Decimal(10))
    assert (nothing.lists, nothing.revenue, nothing.ctr) == (0, 0, None)
    assert bought.ctr is None
    total = found.total
    assert (total.lists, total.clicks, total.conversions, total.units) == (1, 1, 1, 4)
    assert total.ctr is not None
    assert total.ctr.value == pytest.approx(1 / 3, abs=1e-6)
    assert total.ctr.low < total.ctr.value < total.ctr.high
    assert total.revenue_per_list is not None
    assert total.revenue_per_list.value == 10
    assert (found.variants, found.experiment, found.shop) == ([], None, None)


def test_the_whole_shop_and_the_share_of_recommendations() -> None:
    home = attribution.new_id(recommender="popular", placement="home")
    plain = attribution.new_id(recommender="similar")
    store(
        [
            did("ann", "impression", "tea", of=home),
            did(None, "impression", "cup", "tea", of=plain),
            did("ann", "click", "tea", of=home, hours=1),
            did("ann", "purchase", "tea", hours=2, price="30"),
            did("bob", "purchase", "tea", "cup", hours=3, price="35"),
        ]
    )

    found = insights.report(since=FIRST, until=FIRST)

    assert (found.total.lists, found.total.impressions, found.total.conversions) == (2, 3, 1)
    assert found.shop is not None
    assert (found.shop.orders, found.shop.units, found.shop.revenue) == (2, 3, 100)
    assert found.shop.attributed_share == 0.3
    direct = insights.report(since=FIRST, until=FIRST, placement="direct")
    assert [(row.variant, row.impressions) for row in direct.variants] == [("similar", 2)]


def test_variants_side_by_side_since_the_experiment_began(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = Experiment(name="one", variants=(Variant(name="b"), Variant(name="a", weight=2)))
    monkeypatch.setattr("recommendations.services.placements.to_iso", lambda _: "2026-11-02T09:00Z")
    save("home", experiment)
    ids = {
        name: attribution.new_id(recommender="popular", placement="home", variant=name)
        for name in ("a", "b", "old")
    }
    store(
        [
            did("ann", "impression", "tea", of=ids["old"]),
            did("bob", "impression", "tea", of=ids["b"], hours=1),
            did("bob", "impression", "tea", of=ids["b"], hours=24),
            did("cat", "impression", "tea", of=ids["a"], hours=24),
            did("cat", "impression", "tea", of=ids["a"], hours=48),
            did("cat", "click", "tea", of=ids["a"], hours=49),
        ]
    )

    found = insights.report(since=FIRST, until=FIRST + timedelta(days=9), placement="home")

    assert found.total.lists == 5
    assert [(row.variant, row.lists, row.weight) for row in found.variants] == [
        ("b", 1, 1.0),
        ("a", 2, 2.0),
    ]
    control, variant = found.variants
    assert control.outcomes is None
    assert variant.outcomes is not None
    assert variant.outcomes.ctr.verdict == "not_enough_data"
    assert variant.outcomes.ctr.difference is not None
    assert variant.outcomes.ctr.difference.value == 0.5
    assert found.experiment is not None
    assert (found.experiment.control, found.experiment.since) == ("b", date(2026, 11, 2))
    assert (found.experiment.days, found.experiment.sample_ratio) == (2, None)

    # Another weight for the same variants: what was counted today may be of either.
    monkeypatch.setattr("recommendations.services.placements.to_iso", lambda _: "2026-11-02T10:00Z")
    changed = Experiment(name="one", variants=(Variant(name="b"), Variant(name="a")))
    save("home", changed)
    again = insights.report(since=FIRST, until=FIRST + timedelta(days=9), placement="home")
    assert again.experiment is not None
    assert again.experiment.since == date(2026, 11, 3)
    assert [(row.variant, row.lists) for row in again.variants] == [("b", 0), ("a", 1)]


def test_a_year_costs_three_round_trips() -> None:
    home = attribution.new_id(recommender="popular", placement="home", variant="a")
    save("home")
    store(did("ann", "impression", "tea", of=home, hours=24 * day) for day in range(0, 366, 20))

    with metered() as cost:
        found = insights.report(since=FIRST, until=FIRST + timedelta(days=365), placement="home")

    assert found.total.lists == 19
    assert len(found.days) == 366
    assert cost.round_trips == 3


def test_what_cannot_be_answered() -> None:
    with pytest.raises(InvalidInputError, match="not after"):
        insights.report(since=FIRST, until=FIRST - timedelta(days=1))
    with pytest.raises(InvalidInputError, match="366 days"):
        insights.report(since=FIRST, until=FIRST + timedelta(days=366))
    with pytest.raises(UnknownPlacementError):
        insights.report(since=FIRST, until=FIRST, placement="nowhere")


def test_a_deleted_placement_keeps_its_counts() -> None:
    home = attribution.new_id(recommender="popular", placement="home")
    save("home")
    store([did("ann", "impression", "tea", of=home)])
    placements.delete(name="home", by="ada")

    assert insights.report(since=FIRST, until=FIRST, placement="home").total.lists == 1
