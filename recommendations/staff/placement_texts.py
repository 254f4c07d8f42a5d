"""What the pages say about placements, in the words of a reader."""

from typing import Any

from core.staff.html import NOTHING
from recommendations.placements import Placement, Variant
from recommendations.staff.placement_forms import RECOMMENDER_LABELS
from recommendations.staff.placement_preview import rule_sentences


def experiment_text(placement: Placement) -> Any:
    """Return the experiment of a placement with its variants; a dash without one."""
    if placement.experiment is None:
        return NOTHING
    variants = ", ".join(map(_variant, placement.experiment.variants))
    return f"{placement.experiment.name}: {variants}"


def _variant(variant: Variant) -> str:
    own = own_settings(variant)
    return f"{variant.name} × {variant.weight:g}" + (f" ({', '.join(own)})" if own else "")


def own_settings(variant: Variant) -> list[str]:
    """Return what a variant sets in place of the placement's own."""
    own = [] if variant.recommender is None else [RECOMMENDER_LABELS[variant.recommender]]
    return own + [
        f"own {name}"
        for name in ("fallbacks", "filters", "rules")
        if getattr(variant, name) is not None
    ]


def _filter_sentences(placement: Placement) -> list[str]:
    """Return what the filters of a placement ask for, in the words of a reader."""
    filters = placement.filters
    sentences = []
    for what, terms in (("category", filters.categories), ("label", filters.labels)):
        for words, values in (
            ("one of", terms.any_of),
            ("all of", terms.all_of),
            ("none of", terms.none_of),
        ):
            if values:
                sentences.append(f"Only with {words} the {what}: {', '.join(values)}")
    if filters.price_min is not None:
        sentences.append(f"Only from a price of {filters.price_min}")
    if filters.price_max is not None:
        sentences.append(f"Only up to a price of {filters.price_max}")
    if filters.exclude:
        sentences.append(f"Never: {', '.join(sorted(filters.exclude))}")
    return sentences


def sentences(placement: Placement) -> list[str]:
    """Return what the filters and rules of a placement do, one sentence each."""
    return [*_filter_sentences(placement), *rule_sentences(placement.rules).values()]
