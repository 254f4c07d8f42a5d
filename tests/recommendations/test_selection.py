"""The list that is shown: what a filter bars, what rules move, and that it is full."""

import sys
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.validation import InvalidInputError, validate
from recommendations.entities import Item
from recommendations.profiles import Entry
from recommendations.rules import Boost, Bury, Cap, Filters, Pin, Rules, Terms
from recommendations.selection import arrange, items_needed, select


def entries(*ids, source="personal"):
    return [Entry(item_id, 1 - place / 100, source) for place, item_id in enumerate(ids)]


def shop(**items):
    return {item_id: Item(item_id=item_id, name=item_id, **each) for item_id, each in items.items()}


def ids(rows):
    return [row.item_id for row in rows]


TEA = shop(
    tea={"categories": ("drink",), "price": Decimal(5), "labels": ("new", "bio")},
    mug={"categories": ("kitchen", "gift"), "price": Decimal(9), "labels": ("bio",)},
    jam={"categories": ("food", "gift"), "labels": ("old",)},
    gone={"categories": ("drink",), "price": Decimal(5), "available": False},
)


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        (Filters(categories=Terms(any_of=("drink", "food"))), ["tea", "jam"]),
        (Filters(categories=Terms(all_of=("gift", "food"))), ["jam"]),
        (Filters(categories=Terms(none_of=("gift",))), ["tea"]),
        (Filters(labels=Terms(any_of=("new", "old"))), ["tea", "jam"]),
        (Filters(labels=Terms(all_of=("new", "bio"))), ["tea"]),
        (Filters(labels=Terms(none_of=("bio",))), ["jam"]),
        (Filters(price_min=Decimal(6)), ["mug"]),
        (Filters(price_max=Decimal(5)), ["tea"]),
        (Filters(exclude=frozenset({"mug"})), ["tea", "jam", "gone", "unknown"]),
        (Filters(), ["tea", "mug", "jam", "gone", "unknown"]),
    ],
)
def test_a_filter_leaves_what_passes(filters, left):
    rows = select(
        entries("tea", "mug", "jam", "gone", "unknown"), items=TEA, filters=[filters], limit=9
    )
    assert ids(rows) == left


def test_a_product_must_pass_every_filter():
    both = [
        Filters(categories=Terms(any_of=("gift", "drink"))),
        Filters(categories=Terms(any_of=("gift", "food"))),
        Filters(exclude=frozenset({"mug"})),
    ]
    assert ids(select(entries("tea", "mug", "jam"), items=TEA, filters=both, limit=9)) == ["jam"]


def test_the_catalogue_is_asked_only_for_what_decides():
    rows = entries("tea", "mug")
    assert items_needed(rows, filters=[Filters(exclude=frozenset({"tea"}))]) == []
    by_id = Rules(boost=(Boost(by="item", values=("mug",), factor=2.0),))
    assert items_needed(rows, rules=by_id) == []
    assert items_needed(rows, rules=Rules(pin=(Pin(item_id="jam", position=1),))) == ["jam"]
    some = [Filters(price_min=Decimal(1)), Filters(exclude=frozenset({"tea"}))]
    assert items_needed(rows, filters=some) == ["mug"]


def test_a_boost_lifts_and_lowers_by_its_factor_and_keeps_the_score():
    rows = [Entry("a", 1.0, "personal"), Entry("tea", 0.5, "personal"), Entry("jam", 0.4, "x")]
    lift = Rules(boost=(Boost(by="category", values=("drink",), factor=2.1),))
    assert select(rows, items=TEA, rules=lift, limit=3) == rows[1:]  # "a" is unknown
    known = {**TEA, **shop(a={})}
    assert select(rows, items=known, rules=lift, limit=3) == [rows[1], rows[0], rows[2]]
    lower = Rules(boost=(Boost(by="item", values=("a",), factor=0.4),))
    assert select(rows, rules=lower, limit=3) == [rows[1], rows[2], rows[0]]


def test_a_boost_compares_across_sources_whatever_their_scales():
    rows = [Entry("a", 0.002, "personal"), Entry("b", 0.001, "personal")]
    rows += [Entry("c", 900.0, "popular"), Entry("d", 90.0, "popular")]
    assert ids(select(rows, limit=4)) == ["a", "b", "c", "d"]
    boost = Boost(by="item", values=("d",), factor=11.0)
    assert ids(select(rows, rules=Rules(boost=(boost,)), limit=4)) == ["a", "d", "b", "c"]


@pytest.mark.parametrize(("own", "value"), [("Acme", "Acme"), (5, "5"), (True, "true")])
def test_attributes_match_as_text(own, value):
    items = shop(a={}, b={"attributes": {"brand": own}})
    rules = Rules(boost=(Boost(by="attribute", attribute="brand", values=(value,), factor=3.0),))
    assert ids(select(entries("a", "b"), items=items, rules=rules, limit=2)) == ["b", "a"]
    label = Rules(boost=(Boost(by="label", values=(value,), factor=3.0),))
    assert ids(select(entries("a", "b"), items=items, rules=label, limit=2)) == ["a", "b"]


def test_buried_products_follow_all_others_whatever_boosts_them():
    rules = Rules(
        boost=(Boost(by="label", values=("new",), factor=100.0),),
        bury=(Bury(by="category", values=("drink",)),),
    )
    rows = entries("tea", "mug", "jam")
    assert ids(select(rows, items=TEA, rules=rules, limit=3)) == ["mug", "jam", "tea"]
    assert ids(select(rows, items=TEA, rules=rules, limit=2)) == ["mug", "jam"]


def test_a_pin_that_may_not_be_shown_leaves_no_hole():
    pins = Rules(pin=(Pin(item_id="gone", position=1), Pin(item_id="jam", position=3)))
    rows = select(entries("tea", "mug"), items=TEA, rules=pins, limit=4)
    assert [(row.item_id, row.source) for row in rows] == [
        ("tea", "personal"),
        ("mug", "personal"),
        ("jam", "pinned"),
    ]
    cheap = [Filters(price_max=Decimal(5))]
    assert ids(select(entries("tea"), items=TEA, rules=pins, filters=cheap, limit=4)) == ["tea"]


def test_pins_close_up_when_there_is_nothing_between_them():
    pins = Rules(pin=(Pin(item_id="jam", position=5), Pin(item_id="mug", position=2)))
    assert ids(select([], items=TEA, rules=pins, limit=9)) == ["mug", "jam"]
    assert ids(select(entries("jam", "tea"), items=TEA, rules=pins, limit=3)) == [
        "jam",
        "mug",
        "tea",
    ]


def test_caps_give_way_last_and_at_the_end():
    brand = {"attributes": {"brand": "A"}}
    items = shop(a=brand, b=brand, c=brand, d={"attributes": {"brand": "B"}}, e={}, f={})
    one = Rules(cap=(Cap(by="attribute", attribute="brand", most=1),))
    rows = entries("a", "b", "c", "d", "e", "f")
    assert ids(select(rows, items=items, rules=one, limit=4)) == ["a", "d", "e", "f"]
    assert ids(select(rows, items=items, rules=one, limit=5)) == ["a", "d", "e", "f", "b"]
    chosen = arrange(rows, items=items, rules=one, limit=5)
    assert chosen.shown[4].rules == ("cap[0]",)
    assert [placed.entry.item_id for placed in chosen.capped] == ["c"]
    pinned = Rules(cap=one.cap, pin=(Pin(item_id="c", position=1),))
    assert ids(select(rows, items=items, rules=pinned, limit=4)) == ["c", "d", "e", "f"]


def test_what_is_capped_comes_before_what_is_buried():
    items = shop(a={"categories": ("x",)}, b={"categories": ("x",)}, c={})
    rules = Rules(cap=(Cap(by="category", most=1),), bury=(Bury(by="item", values=("c",)),))
    rows = entries("c", "a", "b")
    assert ids(select(rows, items=items, rules=rules, limit=2)) == ["a", "c"]
    assert ids(select(rows, items=items, rules=rules, limit=3)) == ["a", "b", "c"]


def test_the_rules_that_had_a_part_are_named():
    rules = Rules(
        boost=(
            Boost(by="item", values=("mug",), factor=0.5),
            Boost(by="label", values=("bio", "new"), factor=2.0),
        ),
        bury=(Bury(by="category", values=("food",)),),
        pin=(Pin(item_id="tea", position=1),),
    )
    shown = arrange(entries("mug", "jam"), items=TEA, rules=rules, limit=3).shown
    assert {placed.entry.item_id: placed.rules for placed in shown} == {
        "tea": ("pin[0]",),
        "mug": ("boost[0]", "boost[1]"),
        "jam": ("bury[0]",),
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"boost": [{"by": "label", "values": ["x"], "factor": 0}]}, "boost[0].factor"),
        ({"bury": [{"by": "attribute", "values": ["x"]}]}, "bury[0]"),
        ({"bury": [{"by": "label", "attribute": "brand", "values": ["x"]}]}, "bury[0]"),
        ({"bury": [{"by": "label", "values": []}]}, "bury[0].values"),
        ({"pin": [{"item_id": "a", "position": 0}]}, "pin[0].position"),
        ({"pin": [{"item_id": "a", "position": 1}, {"item_id": "b", "position": 1}]}, ""),
        ({"pin": [{"item_id": "a", "position": 1}, {"item_id": "a", "position": 2}]}, ""),
        ({"cap": [{"by": "attribute", "most": 2}]}, "cap[0]"),
        ({"cap": [{"by": "brand", "most": 2}]}, "cap[0].by"),
        ({"bost": []}, "bost"),
    ],
)
def test_a_bad_rule_is_refused_by_its_field(body, field):
    with pytest.raises(InvalidInputError) as refused:
        validate(Rules, body)
    assert list(refused.value.details) == [field]


names = st.sampled_from("abcdefghijklmnop")
some = st.lists(names, max_size=6, unique=True).map(tuple)
brands = st.sampled_from(["A", "B", "C", None])
catalogues = st.dictionaries(
    names,
    st.builds(
        lambda categories, brand, available: {
            "categories": categories,
            "attributes": {"brand": brand},
            "available": available,
        },
        st.lists(st.sampled_from(["x", "y", "z"]), max_size=2).map(tuple),
        brands,
        st.integers(0, 9).map(bool),
    ),
).map(lambda items: shop(**items))
matches = st.one_of(
    st.fixed_dictionaries({"by": st.just("item"), "values": some.filter(bool)}),
    st.fixed_dictionaries({"by": st.just("category"), "values": st.just(("x", "y"))}),
    st.fixed_dictionaries(
        {"by": st.just("attribute"), "attribute": st.just("brand"), "values": st.just(("A",))}
    ),
)
rule_sets = st.builds(
    Rules,
    boost=st.lists(
        st.builds(lambda match, factor: Boost(factor=factor, **match), matches, st.floats(0.1, 10)),
        max_size=2,
    ).map(tuple),
    bury=st.lists(matches.map(lambda match: Bury(**match)), max_size=1).map(tuple),
    pin=st.dictionaries(st.integers(1, 8), names, max_size=3).map(
        lambda pins: tuple(
            Pin(item_id=item_id, position=position)
            for item_id, position in {
                item_id: position for position, item_id in pins.items()
            }.items()
        )
    ),
    cap=st.lists(
        st.builds(Cap, by=st.just("attribute"), attribute=st.just("brand"), most=st.integers(1, 2))
        | st.builds(Cap, by=st.just("category"), most=st.integers(1, 2)),
        max_size=2,
    ).map(tuple),
)
candidates = st.lists(
    st.builds(Entry, names, st.floats(0, 1e9), st.sampled_from(["personal", "popular"])),
    max_size=24,
)


@given(candidates, catalogues, rule_sets, some, some, st.integers(1, 8))
def test_whatever_the_rules_the_list_is_sound(rows, items, rules, excluded, more, limit):
    filters = [Filters(exclude=frozenset(excluded)), Filters(exclude=frozenset(more))]
    chosen = arrange(rows, items=items, filters=filters, rules=rules, limit=limit)
    shown = [placed.entry for placed in chosen.shown]
    got = ids(shown)
    barred = {*excluded, *more}
    usable = {name for name, item in items.items() if item.available} - barred
    able = {pin.item_id: pin.position for pin in rules.pin}
    able = {name: at for name, at in able.items() if name in usable and at <= limit}
    open_ones = {row.item_id for row in rows} - barred
    if rules.reads_items:
        open_ones &= usable

    assert len(set(got)) == len(got)
    assert not barred & set(got)
    assert len(got) == min(limit, len(open_ones | able.keys()))
    assert {row.item_id for row in shown if row.source == "pinned"} == able.keys()
    if len(got) == limit:
        assert {name: got.index(name) + 1 for name in able} == able

    # Caps hold, unless what is over them was needed to fill the list.
    relaxed = [p for p in chosen.shown if any(rule.startswith("cap") for rule in p.rules)]
    if not relaxed:
        for number, cap in enumerate(rules.cap):
            groups = Counter(group for name in got for group in _groups(items.get(name), cap))
            pinned = Counter(group for name in able for group in _groups(items.get(name), cap))
            assert all(n <= max(cap.most, pinned[group]) for group, n in groups.items()), number
    if chosen.capped:
        assert len(got) == limit

    # Buried ones stand last, but for pins.
    states = [placed.buried for placed in chosen.shown if placed.entry.source != "pinned"]
    assert states == sorted(states)

    again = arrange(rows, items=items, filters=filters, rules=rules, limit=limit)
    assert again == chosen


def _groups(item, cap):
    if item is None:
        return set()
    if cap.by == "category":
        return set(item.categories)
    return {item.attributes["brand"]} - {None}


@given(candidates, st.integers(1, 30))
def test_without_rules_the_order_of_the_candidates_stays(rows, limit):
    assert ids(select(rows, limit=limit)) == list(dict.fromkeys(ids(rows)))[:limit]


def test_the_work_grows_with_the_candidates_and_not_with_the_rules_times_the_candidates():
    def calls(*, size, many):
        items = shop(**{f"i{n}": {"categories": (f"c{n % 20}", "all")} for n in range(size)})
        rows = [Entry(f"i{n}", float(size - n), "personal") for n in range(size)]
        boosts = [Boost(by="category", values=(f"c{n}",), factor=1.5) for n in range(many)]
        rules = Rules(boost=tuple(boosts), cap=(Cap(by="category", most=2),))
        counted = Counter()
        sys.setprofile(lambda _frame, event, _argument: counted.update((event,)))
        try:
            select(rows, items=items, rules=rules, limit=size)
        finally:
            sys.setprofile(None)
        return counted["call"] + counted["c_call"]

    few = calls(size=200, many=2)
    assert calls(size=2_000, many=2) < 12 * few
    assert calls(size=200, many=50) < 2 * few
