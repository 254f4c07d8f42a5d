"""What is done with products in placements: pinned to a place, buried below all others, let go."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from django import forms
from django.http import HttpRequest

from core.staff.html import NOTHING, badge, link, row_link
from core.staff.resource import Action, ActionError, Call, Column, Hint, Outcome, Panel
from core.validation import InvalidInputError, validate
from recommendations.entities import Item
from recommendations.placements import Placement
from recommendations.rules import MAX_POSITION, Bury, Pin, Rules
from recommendations.services import placements
from recommendations.services.placements import PlacementChangedError, StoredPlacement
from recommendations.staff.placement_editor import editor_url

WRITE = "placements:write"
_EVERYWHERE = "*"
_MOST_PLACEMENTS = 100
_VALUES_OF_A_RULE = 100


class WhereForm(forms.Form):
    """In which placement."""

    placement = forms.ChoiceField(
        label="Where", help_text="Variants of an experiment with rules of their own keep these."
    )

    def __init__(self, data: Mapping[str, Any] | None) -> None:
        super().__init__(data)
        names = [stored.placement.name for stored in _all()]
        everywhere = [(_EVERYWHERE, "Every placement")] if names else []
        self.fields["placement"].choices = everywhere + [(name, name) for name in names]


class PinForm(WhereForm):
    """To which place, and where."""

    position = forms.IntegerField(
        min_value=1,
        max_value=MAX_POSITION,
        initial=1,
        help_text="1 is the first. Where a place is taken, the next free one is used.",
    )
    field_order = ("placement", "position")


def _all() -> Sequence[StoredPlacement]:
    return placements.listing(limit=_MOST_PLACEMENTS).rows


def standing(rules: Rules, item_id: str) -> str:
    """Return what rules do with a product, in the words of a reader; nothing when empty."""
    for pin in rules.pin:
        if pin.item_id == item_id:
            return f"pinned to position {pin.position}"
    return (
        "buried" if any(rule.by == "item" and item_id in rule.values for rule in rules.bury) else ""
    )


def let_go(rules: Rules, item_ids: Iterable[str]) -> Rules:
    """Return the rules without what they say of these products by id."""
    gone = set(item_ids)
    bury = [
        rule
        if rule.by != "item"
        else msgspec.structs.replace(rule, values=tuple(v for v in rule.values if v not in gone))
        for rule in rules.bury
    ]
    return msgspec.structs.replace(
        rules,
        pin=tuple(pin for pin in rules.pin if pin.item_id not in gone),
        bury=tuple(rule for rule in bury if rule.values),
    )


def pinned(rules: Rules, item_ids: Sequence[str], *, position: int) -> Rules:
    """Return the rules with these products at the first free places from a position on."""
    rules = let_go(rules, item_ids)
    taken = {pin.position for pin in rules.pin}
    free = (place for place in range(position, MAX_POSITION + 1) if place not in taken)
    pins = [Pin(item_id=item_id, position=place) for item_id, place in zip(item_ids, free)]  # noqa: B905  # fewer places than products
    if len(pins) < len(item_ids):
        message = f"There are not enough free places up to {MAX_POSITION}; start further up."
        raise InvalidInputError({"position": [message]})
    return msgspec.structs.replace(rules, pin=(*rules.pin, *pins))


def buried(rules: Rules, item_ids: Sequence[str]) -> Rules:
    """Return the rules with these products below all others."""
    rules = let_go(rules, item_ids)
    known = [value for rule in rules.bury if rule.by == "item" for value in rule.values]
    values = [*known, *item_ids]
    parts = [values[at : at + _VALUES_OF_A_RULE] for at in range(0, len(values), _VALUES_OF_A_RULE)]
    others = [rule for rule in rules.bury if rule.by != "item"]
    return msgspec.structs.replace(
        rules, bury=(*others, *(Bury(by="item", values=tuple(part)) for part in parts))
    )


def _change(call: Call, done: str, edit: Callable[[Rules, list[str]], Rules]) -> Outcome:
    items = list(call.rows or (call.row,))
    ids = [item.item_id for item in items]
    where = call.data["placement"]
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for stored in _all():
        name, rules = stored.placement.name, stored.placement.rules
        if where not in {_EVERYWHERE, name}:
            continue
        new = edit(rules, ids)
        if new == rules:
            continue
        wanted = msgspec.structs.replace(stored.placement, rules=new)
        _save(validate(Placement, msgspec.to_builtins(wanted)), call.by, stored)
        for item_id in ids:
            label = name if len(ids) == 1 else f"{item_id} in {name}"
            before[label] = standing(rules, item_id) or "no rule"
            after[label] = standing(new, item_id) or "no rule"
    if not after:
        message = "Nothing to change: the rules say so already."
        raise ActionError(message)
    what = items[0].name if len(items) == 1 else f"{len(items)} items"
    everywhere = "every placement" if where == _EVERYWHERE else where
    return Outcome(
        message=f"{what}: {done} in {everywhere}, from the next request on.",
        before=before,
        after=after,
    )


def _save(placement: Placement, by: str, stored: StoredPlacement) -> None:
    try:
        placements.save(placement=placement, by=by, replaces=stored.number)
    except PlacementChangedError as error:
        raise ActionError(f"{error}.") from error


def _pin(call: Call) -> Outcome:
    position = call.data["position"]
    return _change(call, "pinned", partial(pinned, position=position))


def _bury(call: Call) -> Outcome:
    return _change(call, "buried", buried)


def _let_go(call: Call) -> Outcome:
    return _change(call, "neither pinned nor buried any more", let_go)


ACTIONS = (
    Action(
        name="pin",
        label="Pin",
        permission=WRITE,
        question=(
            "Pin {title} to a place? Everybody who is shown the placement sees it there, if it "
            "may be shown at all. The order of the others stays."
        ),
        confirm_label="Pin",
        bulk=True,
        run=_pin,
        run_many=_pin,
        form=lambda _, data: PinForm(data),
    ),
    Action(
        name="bury",
        label="Bury",
        permission=WRITE,
        question=(
            "Bury {title}? It is shown below all others, so only where there is not enough else."
        ),
        confirm_label="Bury",
        bulk=True,
        run=_bury,
        run_many=_bury,
        form=lambda _, data: WhereForm(data),
    ),
    Action(
        name="let-go",
        label="Unpin, unbury",
        permission=WRITE,
        question="Let {title} stand where the recommender puts it, neither pinned nor buried?",
        confirm_label="Let go",
        bulk=True,
        run=_let_go,
        run_many=_let_go,
        form=lambda _, data: WhereForm(data),
    ),
)


def panels(request: HttpRequest, item: Item) -> list[Panel]:
    """Return where a product stands in the placements, for whoever may change it."""
    if not request.user.has_perm(WRITE):
        return []
    columns = (
        Column("Placement", lambda each: row_link("placements", each.name)),
        Column("Its rules", lambda each: _standing(each, item)),
        Column("Move it up", lambda each: _editor("Pin here", each, pin=item.item_id)),
        Column("Move it down", lambda each: _editor("Bury here", each, bury=item.item_id)),
    )
    found = [stored.placement for stored in _all()]
    return [
        Panel(
            title="Where it stands",
            description="Rules of a placement move it up or down there. These links lead to its "
            "editor, which shows what changes before it is saved; “Pin” and “Bury” above do it at "
            "once.",
            template="staff/panels/table.html",
            context={
                "label": "Placements",
                "columns": columns,
                "rows": [[(column, column.value(each)) for column in columns] for each in found],
                "hint": Hint(
                    "There are no placements yet; in one an item can be pinned or buried.",
                    "Add the first placement",
                    editor_url(pin=item.item_id),
                ),
            },
        )
    ]


def _standing(placement: Placement, item: Item) -> Any:
    text = standing(placement.rules, item.item_id)
    return badge(text, "good" if "pinned" in text else "busy") if text else NOTHING


def _editor(text: str, placement: Placement, **rules: str) -> Any:
    return link(text, editor_url(placement.name, **rules))
