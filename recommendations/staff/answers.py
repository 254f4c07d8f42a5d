"""Answers of the recommenders, ready for the page: names of all products read in one batch."""

from collections.abc import Mapping
from typing import Any

from core.staff.html import number
from core.staff.resource import Hint
from recommendations.services import recommend
from recommendations.staff import cells

LIST_TEMPLATE = "staff/recommendations/list.html"
SIMILAR_TEMPLATE = "staff/recommendations/similar.html"


def recommendation_list(answer: recommend.Answer, *, explain: bool = True) -> Mapping[str, Any]:
    """Return a list of recommendations, with the reasons for each unless told not to."""
    known = cells.products(
        item_id
        for row in answer.results
        for item_id in [row.item_id, *(cause.item_id for cause in row.because)]
    )
    rows = [
        {
            "product": known[row.item_id],
            "score": f"{row.score:.3g}",
            "fallback_label": "" if row.because else cells.source_label(row.source),
            "reasons": cells.reasons(row.because, known),
            "fallback": cells.fallback_reason(row.source),
        }
        for row in answer.results
    ]
    hint = (
        cells.no_model_hint()
        if answer.model_version is None
        else Hint("Nothing to recommend: every product of the model is bought, or hidden.")
    )
    return {"rows": rows, "version": answer.model_version, "explain": explain, "hint": hint}


def similar_list(answer: recommend.Answer) -> Mapping[str, Any]:
    """Return the neighbours of a product, with the users behind each."""
    known = cells.products(row.item_id for row in answer.results)
    best = max((row.score for row in answer.results), default=1.0)
    rows = [
        {
            "product": known[row.item_id],
            "score": f"{row.score:.3g}",
            "share": round(100 * row.score / best),
            "support": number(row.support),
        }
        for row in answer.results
    ]
    hint = (
        cells.no_model_hint()
        if answer.model_version is None
        else Hint("No other product goes with this one yet: too few users have bought it.")
    )
    return {"rows": rows, "hint": hint}
