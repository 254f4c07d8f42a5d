"""Placements: versions, editors who do not overwrite each other, and answers under a name."""

from decimal import Decimal

import pytest

from core.validation import InvalidInputError, validate
from recommendations.placements import Experiment, Placement, PlacementFilters, Variant
from recommendations.rules import Boost, Pin, Rules, Terms
from recommendations.services import placements
from recommendations.services.placements import PlacementChangedError, UnknownVersionError


def placement(name="home", **fields):
    return Placement(name=name, **{"recommender": "popular", **fields})


def save(row, **options):
    return placements.save(placement=row, by="ada", **options).after


@pytest.mark.usefixtures("dynamodb")
def test_a_placement_comes_back_as_it_was_saved():
    row = placement(
        description="Front page",
        fallbacks=("latest",),
        filters=PlacementFilters(
            labels=Terms(none_of=("old",)),
            price_max=Decimal("9.90"),
            exclude=["b", "a"],
        ),
        rules=Rules(
            boost=(Boost(by="attribute", attribute="brand", values=("A",), factor=1.5),),
            pin=(Pin(item_id="a", position=2),),
        ),
        limit=4,
        exclude_purchased=False,
        experiment=Experiment(
            name="e1", variants=(Variant(name="a"), Variant(name="b", recommender="latest"))
        ),
    )
    saved = save(row)
    assert (saved.number, saved.saved_by) == (1, "ada")
    assert placements.find(name="home") == saved
    for same in (row, placement(name="bare")):
        assert save(same) == save(same), "the same again is no new version"
    assert placements.find(name="other") is None


@pytest.mark.usefixtures("dynamodb")
def test_of_two_editors_the_second_is_told():
    save(placement(), replaces=0)
    with pytest.raises(PlacementChangedError):
        save(placement(limit=2), replaces=0)
    assert save(placement(limit=2), replaces=1).number == 2
    with pytest.raises(PlacementChangedError):
        save(placement(limit=3), replaces=1)
    with pytest.raises(PlacementChangedError):
        placements.delete(name="home", by="bob", replaces=1)
    change = placements.save(placement=placement(limit=3), by="bob")
    assert change.differences() == {"before": {"limit": 2}, "after": {"limit": 3}}


@pytest.mark.usefixtures("dynamodb")
def test_versions_go_on_over_a_deletion_and_any_can_come_back():
    save(placement(limit=1))
    save(placement(limit=2))
    gone = placements.delete(name="home", by="bob")
    assert (gone.before.placement.limit, gone.after) == (2, None)
    assert gone.differences()["after"] == {}
    assert placements.find(name="home") is None
    assert placements.delete(name="home", by="bob").before is None
    assert placements.listing(limit=9).rows == ()

    back = placements.revert(name="home", number=1, by="eve", replaces=0).after
    assert (back.number, back.placement.limit, back.note) == (4, 1, "version 1 again")
    page = placements.history(name="home", limit=3)
    assert [(v.number, v.saved_by, v.placement and v.placement.limit) for v in page.rows] == [
        (4, "eve", 1),
        (3, "bob", None),
        (2, "ada", 2),
    ]
    rest = placements.history(name="home", limit=3, position=page.next)
    assert ([v.number for v in rest.rows], rest.next) == ([1], None)
    for number in (3, 9):
        with pytest.raises(UnknownVersionError):
            placements.revert(name="home", number=number, by="eve")


@pytest.mark.usefixtures("dynamodb")
def test_the_history_is_bounded(monkeypatch):
    monkeypatch.setattr("recommendations.storage.placements.KEPT_VERSIONS", 3)
    for limit in range(1, 6):
        save(placement(limit=limit))
    assert [v.number for v in placements.history(name="home", limit=9).rows] == [5, 4, 3]


@pytest.mark.usefixtures("dynamodb")
def test_a_placement_that_every_request_would_read_stays_small():
    values = tuple(f"{n:0128}" for n in range(100))
    boost = Boost(by="label", values=values, factor=2.0)
    with pytest.raises(InvalidInputError) as refused:
        save(placement(rules=Rules(boost=(boost, boost))))
    assert "16 KB" in refused.value.details["rules"][0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"recommender": "best"}, "recommender"),
        ({"fallbacks": ["nothing"]}, "fallbacks[0]"),
        ({"limit": 0}, "limit"),
        ({"name": "Home Page"}, "name"),
        ({"filters": {"categories": {"some": []}}}, "filters.categories.some"),
        ({"filters": {"price_min": "5", "price_max": "4"}}, "filters"),
        ({"rules": {"boost": [{"by": "label", "values": ["x"]}]}}, "rules.boost[0].factor"),
        ({"experiment": {"name": "e", "variants": [{"name": "a"}]}}, "experiment.variants"),
        (
            {"experiment": {"name": "e", "variants": [{"name": "a"}, {"name": "a"}]}},
            "experiment",
        ),
        (
            {
                "experiment": {
                    "name": "e",
                    "variants": [{"name": "a", "weight": 0}, {"name": "b", "weight": 0}],
                }
            },
            "experiment",
        ),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_mistake_is_named_by_its_field(change, field):
    with pytest.raises(InvalidInputError) as refused:
        validate(Placement, {"name": "home", "recommender": "popular", **change})
    assert list(refused.value.details) == [field]


def test_users_are_dealt_to_variants_by_weight_and_stay():
    latest = Variant(name="b", weight=3, recommender="latest", rules=Rules())
    row = placement(
        limit=7,
        rules=Rules(pin=(Pin(item_id="a", position=1),)),
        experiment=Experiment(name="e1", variants=(Variant(name="a", weight=1), latest)),
    )
    users = [f"u{n}" for n in range(400)]
    dealt = [row.variant_for(user) for user in users]
    assert dealt == [row.variant_for(user) for user in users]
    assert 260 < dealt.count(latest) < 340
    seen = row.as_seen_in(latest)
    assert (seen.recommender, seen.rules, seen.limit) == ("latest", Rules(), 7)
    assert row.as_seen_in(row.variant("a")) == row
    assert row.variant_for(None) is None
    assert placement().variant_for("u1") is None
