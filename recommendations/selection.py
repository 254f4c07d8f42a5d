"""From ordered candidates to the list that is shown: filter, apply rules, fill up.

Pure Python, O(n log n) in the number of candidates. The order is that of the candidates, changed
only by rules:

1. What a filter bars is gone, and so is every repeat.
2. Boosts multiply the score. Scores of different recommenders share no scale, so each source is
   scaled to go on where the one before it ended: a boost can lift across sources, and without a
   boost the order stays. Equals keep the order in which they came.
3. Buried products follow all others.
4. Caps pass over products, from the top. If the list would not be full then, what was passed over
   fills it, again from the top: above the buried products, below the rest.
5. Pinned products take their positions. One that may not be shown leaves no hole, and the others
   stay where they are unless the list is too short. They count for caps but are never capped.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import msgspec

from recommendations.entities import Item
from recommendations.profiles import Entry
from recommendations.rules import Cap, Filters, Pin, Rules

__all__ = ["PINNED", "Placed", "Selection", "arrange", "items_needed", "select", "unruled"]

PINNED = "pinned"
_NOTHING: Mapping[str, Item] = {}


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A candidate, and what the rules made of it.

    Attributes
    ----------
    value
        Its score on the common scale of all sources, boosted.
    rules
        The rules that are about it, as their path in the rules: ``boost[0]``, ``pin[2]``. For a
        cap: the one that passed over it.
    """

    entry: Entry
    value: float
    rules: tuple[str, ...] = ()
    buried: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """The list that is shown, best first, and the candidates that a cap kept out of it."""

    shown: list[Placed]
    capped: list[Placed]


def items_needed(
    entries: Iterable[Entry], *, filters: Sequence[Filters] = (), rules: Rules | None = None
) -> list[str]:
    """Return the ids of the products whose catalogue fields `select` must know; often none."""
    rules = rules or Rules()
    needed = [pin.item_id for pin in rules.pin]
    if _reads_items(filters, rules):
        needed += [entry.item_id for entry in entries]
    return [
        item_id
        for item_id in dict.fromkeys(needed)
        if all(item_id not in each.exclude for each in filters)
    ]


def select(
    entries: Iterable[Entry],
    *,
    limit: int,
    items: Mapping[str, Item] = _NOTHING,
    filters: Sequence[Filters] = (),
    rules: Rules | None = None,
) -> list[Entry]:
    """Return the products to show, at most ``limit``, best first.

    Parameters
    ----------
    entries
        Candidates in the order of their recommenders, those of fallbacks last. Scores of one
        source are at least 0 and fall; they are returned as they came.
    items
        The products of `items_needed` that the catalogue knows. What is missing or unavailable
        there is not shown.
    filters
        A product must pass each of them.
    """
    chosen = arrange(entries, limit=limit, items=items, filters=filters, rules=rules)
    return [placed.entry for placed in chosen.shown]


def arrange(
    entries: Iterable[Entry],
    *,
    limit: int,
    items: Mapping[str, Item] = _NOTHING,
    filters: Sequence[Filters] = (),
    rules: Rules | None = None,
) -> Selection:
    """Do what `select` does, and say which rules had a part in it."""
    rules = rules or Rules()
    pins = _pins(rules.pin, limit=limit, items=items, filters=filters)
    taken = {placed.entry.item_id for placed in pins.values()}
    reads = _reads_items(filters, rules)
    usable = _usable(entries, taken=taken, items=items if reads else None, filters=filters)
    limiter = _Limiter(rules.cap, items)
    for item_id in taken:
        limiter.count(item_id)
    wanted = limit - len(pins)
    free, capped = limiter.split(_ranked(usable, rules, items), most=wanted)
    relaxed = capped[: wanted - len(free)]
    # A stable sort: first those of full right, then those let in after all; the buried ones last.
    rest = iter(sorted([*free, *relaxed], key=lambda placed: placed.buried))
    return Selection(list(_assembled(pins, rest, limit=limit)), capped[len(relaxed) :])


def unruled(entries: Iterable[Entry]) -> list[Placed]:
    """Return candidates as they are: what `arrange` makes of them without rules or filters."""
    return [Placed(entry, value) for entry, value in _scaled(entries)]


def _reads_items(filters: Sequence[Filters], rules: Rules) -> bool:
    return rules.reads_items or any(each.reads_items for each in filters)


def _barred(item_id: str, filters: Sequence[Filters]) -> bool:
    return any(item_id in each.exclude for each in filters)


def _admitted(item: Item | None, filters: Sequence[Filters]) -> bool:
    return item is not None and item.available and all(each.admit(item) for each in filters)


def _usable(
    entries: Iterable[Entry],
    *,
    taken: Collection[str],
    items: Mapping[str, Item] | None,
    filters: Sequence[Filters],
) -> Iterator[Entry]:
    """Yield the candidates that pass, each once; on their fields only where ``items`` are given."""
    seen = set(taken)
    excluded = [frozenset(each.exclude) for each in filters if each.exclude]
    by_fields = [each for each in filters if each.reads_items]
    for entry in entries:
        item_id = entry.item_id
        if item_id in seen or any(item_id in each for each in excluded):
            continue
        if items is None or _admitted(items.get(item_id), by_fields):
            seen.add(item_id)
            yield entry


def _pins(
    pins: Sequence[Pin], *, limit: int, items: Mapping[str, Item], filters: Sequence[Filters]
) -> dict[int, Placed]:
    return {
        pin.position: Placed(Entry(pin.item_id, 0.0, PINNED), 0.0, (f"pin[{number}]",))
        for number, pin in enumerate(pins)
        if pin.position <= limit
        and not _barred(pin.item_id, filters)
        and _admitted(items.get(pin.item_id), filters)
    }


def _assembled(
    pins: Mapping[int, Placed], rest: Iterator[Placed], *, limit: int
) -> Iterator[Placed]:
    left = dict(sorted(pins.items()))
    for position in range(1, limit + 1):
        if position in left:
            yield left.pop(position)
        elif (placed := next(rest, None)) is not None:
            yield placed
        else:
            yield from left.values()
            return


def _scaled(entries: Iterable[Entry]) -> Iterator[tuple[Entry, float]]:
    """Yield each entry with its score on one scale that never rises."""
    source, scale, last = "", 1.0, 1.0
    for entry in entries:
        if entry.source != source:
            source = entry.source
            scale = last / entry.score if entry.score > 0 else 1.0
        last = min(last, entry.score * scale) if entry.score > 0 else last
        yield entry, last


def _ranked(entries: Iterable[Entry], rules: Rules, items: Mapping[str, Item]) -> Iterable[Placed]:
    """Return the candidates in the order of boosts, the buried ones last."""
    if not (rules.boost or rules.bury):
        # Nothing to sort: whoever reads may stop when the list is full.
        return (Placed(entry, value) for entry, value in _scaled(entries))
    index = _Index(rules)
    placed = []
    for entry, value in _scaled(entries):
        factor, buried, names = index.about(entry.item_id, items.get(entry.item_id))
        placed.append(Placed(entry, value * factor, names, buried))
    return sorted(placed, key=lambda each: (each.buried, -each.value))


class _Index:
    """Boosts and buries by what they match: a product is looked up, not each rule tried."""

    def __init__(self, rules: Rules) -> None:
        self._factors = [rule.factor for rule in rules.boost]
        self._names = [f"boost[{number}]" for number in range(len(rules.boost))]
        self._names += [f"bury[{number}]" for number in range(len(rules.bury))]
        self._ids: dict[str, list[int]] = {}
        # What to read off a product, and the rules by what may be read there.
        self._fields: dict[tuple[str, str | None], dict[str, list[int]]] = {}
        for number, rule in enumerate((*rules.boost, *rules.bury)):
            field = (rule.by, rule.attribute)
            found = self._ids if rule.by == "item" else self._fields.setdefault(field, {})
            for value in set(rule.values):
                found.setdefault(value, []).append(number)

    def about(self, item_id: str, item: Item | None) -> tuple[float, bool, tuple[str, ...]]:
        """Return the factor of a product, whether it is buried, and the rules that say so."""
        numbers = set(self._ids.get(item_id, ()))
        if item is not None:
            for (by, attribute), found in self._fields.items():
                for value in _terms(item, by, attribute):
                    if value in found:
                        numbers.update(found[value])
        if not numbers:
            return 1.0, False, ()
        ordered = sorted(numbers)
        factor = 1.0
        for number in ordered:
            if number < len(self._factors):
                factor *= self._factors[number]
        names = tuple(self._names[number] for number in ordered)
        return factor, ordered[-1] >= len(self._factors), names


class _Limiter:
    """Counts what is shown per category or value of an attribute."""

    def __init__(self, caps: Sequence[Cap], items: Mapping[str, Item]) -> None:
        self._caps = caps
        self._items = items
        self._counts: Counter[tuple[int, str]] = Counter()

    def _groups(self, item_id: str) -> set[tuple[int, str]]:
        item = self._items.get(item_id)
        if item is None:
            return set()
        return {
            (number, value)
            for number, cap in enumerate(self._caps)
            for value in _terms(item, cap.by, cap.attribute)
        }

    def count(self, item_id: str) -> None:
        """Note that a product is shown."""
        if self._caps:
            self._counts.update(self._groups(item_id))

    def split(self, ranked: Iterable[Placed], *, most: int) -> tuple[list[Placed], list[Placed]]:
        """Return the first products within all caps, at most so many, and those passed over."""
        if not self._caps:
            return list(islice(ranked, most)), []
        within: list[Placed] = []
        over: list[Placed] = []
        for placed in ranked:
            if len(within) >= most:
                break
            groups = self._groups(placed.entry.item_id)
            full = {
                number
                for number, value in groups
                if self._counts[number, value] >= self._caps[number].most
            }
            if full:
                names = tuple(f"cap[{number}]" for number in sorted(full))
                rules = (*placed.rules, *names)
                over.append(Placed(placed.entry, placed.value, rules, placed.buried))
            else:
                self._counts.update(groups)
                within.append(placed)
        return within, over


def _terms(item: Item, by: str, attribute: str | None) -> tuple[str, ...]:
    """Return what a product has of that which rules match: an attribute's value as text."""
    if by == "category":
        return item.categories
    if by == "label":
        return item.labels
    value = None if attribute is None else item.attributes.get(attribute)
    if value is None:
        return ()
    return (str(value).lower() if isinstance(value, bool) else str(value),)
