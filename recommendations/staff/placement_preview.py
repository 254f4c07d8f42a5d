"""What a placement would show to somebody, and what its filters and rules did to the list."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from recommendations.placements import Placement
from recommendations.rules import Boost, Bury, Cap, Rules
from recommendations.services import placement_lists
from recommendations.services.placement_lists import BY_FILTERS, Visit
from recommendations.services.recommend import Recommendation
from recommendations.staff import cells

_LONGEST_BASKET = 20


class VisitForm(forms.Form):
    """Who is looking at what."""

    user_id = forms.CharField(label="User", required=False, max_length=128)
    item_ids = forms.CharField(
        label="Item, or a basket with commas", required=False, max_length=1000
    )
    variant = forms.CharField(label="Variant", required=False, max_length=20)

    def visit(self) -> Visit:
        """Return what was filled in."""
        ids = [part.strip() for part in self.cleaned_data["item_ids"].split(",")]
        return Visit(
            user_id=self.cleaned_data["user_id"] or None,
            item_ids=tuple(part for part in ids if part)[:_LONGEST_BASKET],
        )


def rule_sentences(rules: Rules) -> dict[str, str]:
    """Return the rules in the words of a reader, by their path."""
    return {
        **{f"boost[{n}]": _boost(rule) for n, rule in enumerate(rules.boost)},
        **{f"bury[{n}]": f"Bury {_products(rule)}" for n, rule in enumerate(rules.bury)},
        **{
            f"pin[{n}]": f"Pin {pin.item_id} to position {pin.position}"
            for n, pin in enumerate(rules.pin)
        },
        **{
            f"cap[{n}]": f"At most {cap.most} of each {_group(cap)}"
            for n, cap in enumerate(rules.cap)
        },
    }


def _boost(rule: Boost) -> str:
    return f"{'Boost' if rule.factor >= 1 else 'Lower'} {_products(rule)}: × {rule.factor:g}"


def _products(rule: Boost | Bury) -> str:
    return f"{rule.attribute or rule.by} {' or '.join(rule.values)}"


def _group(cap: Cap) -> str:
    return cap.attribute or cap.by


def preview_context(placement: Placement, form: VisitForm) -> Mapping[str, Any]:
    """Return the lists with and without filters and rules, and the one shown now."""
    found = placement_lists.preview(
        placement=placement, visit=form.visit(), variant=form.cleaned_data["variant"]
    )
    seen = placement.as_seen_in(placement.variant(found.variant))
    sentences = {**rule_sentences(seen.rules), BY_FILTERS: "Kept out by the filters"}
    known = cells.products(
        row.item_id for rows in (found.plain, found.proposed, found.current or ()) for row in rows
    )
    before = {row.item_id: place for place, row in enumerate(found.plain)}

    def rows(listed: Sequence[Recommendation], *, moved: bool) -> list[dict[str, Any]]:
        return [
            {
                "product": known[row.item_id],
                "source": cells.source_label(row.source),
                "move": cells.move(before.get(row.item_id), place) if moved else "",
                "reasons": [sentences[name] for name in row.rules] if moved else (),
            }
            for place, row in enumerate(listed)
        ]

    same = found.current is not None and _ids(found.current) == _ids(found.proposed)
    return {
        "variant": found.variant,
        "plain": rows(found.plain, moved=False),
        "proposed": rows(found.proposed, moved=True),
        "current": None if same or found.current is None else rows(found.current, moved=False),
        "left_out": [
            {
                "product": known[row.item_id],
                "reasons": [sentences[name] for name in row.reasons]
                or ["Others have moved up past it"],
            }
            for row in found.left_out
        ],
    }


def _ids(rows: Sequence[Recommendation]) -> list[str]:
    return [row.item_id for row in rows]
