"""Answers of the recommenders, ready for the page: names of all products read in one batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.staff.html import number, percent
from core.staff.resource import Hint
from recommendations.services import placement_lists, placements, recommend
from recommendations.services.events import EventKey
from recommendations.services.placement_lists import Visit
from recommendations.services.recommend import Answer
from recommendations.staff import cells
from recommendations.staff.placement_forms import RECOMMENDER_LABELS

LIST_TEMPLATE = "staff/recommendations/list.html"
COMPARED_TEMPLATE = "staff/recommendations/compared.html"
PAIRS_TEMPLATE = "staff/recommendations/similar.html"

#: What can be asked about a user.
FOR_USERS = ("personal", "buy_again", "recently_viewed", "trending", "popular", "latest")
#: What another model version may answer otherwise; so may any placement.
OF_MODEL = frozenset({"personal", "session", "similar", "bought_together"})
#: Pairs of products rather than lists for somebody.
PAIRS = frozenset({"similar", "bought_together"})
# These come in an order that needs no reason.
_PLAIN = frozenset({"recently_viewed", "trending", "popular", "latest"})
# Their scores say only in which order they come.
_BY_TIME = frozenset({"recently_viewed", "latest"})
_PLACEMENT = "placement:"
_PLACEMENTS = 100
_HINTS = {
    "personal": "Nothing to recommend: every product of the model is bought, or hidden.",
    "session": "Nothing goes with these products yet: too few users have bought them.",
    "similar": "No other product goes with this one yet: too few users have bought it.",
    "bought_together": "No other product is in the same orders often enough yet.",
    "buy_again": "Nothing was bought twice yet.",
    "recently_viewed": "Nothing was looked at yet. Send views and clicks to the API.",
    "trending": "Nothing has happened lately.",
    "popular": "Nothing has happened yet.",
    "latest": "No product says when it was published.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which recommender or placement is asked, for whom or about what.

    Attributes
    ----------
    name
        A recommender, or a placement as `placement_choices` writes it.
    version
        The model version that is taken for the live one.
    without
        An event of the user's that is taken for one that never was.
    """

    name: str
    user_id: str | None = None
    item_ids: tuple[str, ...] = ()
    version: str | None = None
    without: EventKey | None = None
    limit: int = 12

    @property
    def placement(self) -> str:
        """Return the placement's name; empty for a recommender."""
        return self.name.removeprefix(_PLACEMENT) if self.name.startswith(_PLACEMENT) else ""

    @property
    def depends_on_model(self) -> bool:
        return bool(self.placement) or self.name in OF_MODEL


def label(name: str) -> str:
    """Return what a reader calls a recommender or placement."""
    return RECOMMENDER_LABELS.get(name) or f"Placement {name.removeprefix(_PLACEMENT)}"


def is_known(name: str) -> bool:
    return name in RECOMMENDER_LABELS or name.startswith(_PLACEMENT)


def placement_choices() -> list[tuple[str, str]]:
    """Return the placements as choices, in one round trip."""
    found = placements.listing(limit=_PLACEMENTS).rows
    names = [f"{_PLACEMENT}{row.placement.name}" for row in found]
    return [(name, label(name)) for name in names]


def answered(question: Question) -> tuple[str, Mapping[str, Any]]:
    """Return a template and its context: a list with reasons, or pairs with their support."""
    answer = _ask(question)
    if question.name in PAIRS:
        return PAIRS_TEMPLATE, _pairs(question, answer)
    return LIST_TEMPLATE, _list(question, answer, _known([answer]))


def compared(questions: Sequence[Question], titles: Sequence[str]) -> tuple[str, Mapping[str, Any]]:
    """Return a template and its context: two lists side by side, with what has moved."""
    first, second = answers = [_ask(question) for question in questions]
    known = _known(answers)
    before = {row.item_id: place for place, row in enumerate(_results(first))}
    lists = [_list(questions[0], first, known), _list(questions[1], second, known, before)]
    shown = [row.item_id for row in _results(second)]
    return COMPARED_TEMPLATE, {
        "lists": [
            {"title": title, "list": each} for title, each in zip(titles, lists, strict=True)
        ],
        "is_same": list(before) == shown,
        "gone": [known[item_id] for item_id in before if item_id not in shown],
    }


def _ask(question: Question) -> Answer | None:
    reads = recommend.as_if(
        user_id=question.user_id, version=question.version, without=question.without
    )
    if question.placement:
        visit = Visit(user_id=question.user_id, item_ids=question.item_ids)
        return placement_lists.serve(
            name=question.placement, visit=visit, explain=True, limit=question.limit, reads=reads
        )
    return recommend.serve(
        recommender=question.name,
        user_id=question.user_id,
        item_ids=question.item_ids,
        fallbacks=recommend.FALLBACKS if question.name in {"personal", "session"} else (),
        limit=question.limit,
        explain=question.name not in PAIRS,
        reads=reads,
    )


def _results(answer: Answer | None) -> Sequence[recommend.Recommendation]:
    return () if answer is None else answer.results


def _known(answers: Sequence[Answer | None]) -> Mapping[str, cells.Product]:
    rows = [row for answer in answers for row in _results(answer)]
    causes = [cause.item_id for row in rows for cause in row.because]
    return cells.products([*(row.item_id for row in rows), *causes])


def _list(
    question: Question,
    answer: Answer | None,
    known: Mapping[str, cells.Product],
    before: Mapping[str, int] | None = None,
) -> Mapping[str, Any]:
    explain = question.name not in _PLAIN | PAIRS
    rows = [
        {
            "product": known[row.item_id],
            "score": "" if row.source in _BY_TIME else cells.score(row.score),
            "fallback_label": _badge(row),
            "reasons": cells.reasons(row.because, known),
            "fallback": cells.fallback_reason(row.source),
            "move": "" if before is None else cells.move(before.get(row.item_id), place),
        }
        for place, row in enumerate(_results(answer))
    ]
    return {
        "rows": rows,
        "version": _version(question, answer) if question.depends_on_model else None,
        "explain": explain,
        "hint": _hint(question, answer),
    }


def _badge(row: recommend.Recommendation) -> str:
    """Return where a product comes from, unless its reasons say so already."""
    return "" if row.because and row.source != "pinned" else cells.source_label(row.source)


def _version(question: Question, answer: Answer | None) -> str | None:
    return question.version or (None if answer is None else answer.model_version)


def _hint(question: Question, answer: Answer | None) -> Hint:
    if answer is None:
        return Hint("There is no such placement any more.")
    if question.name in OF_MODEL and _version(question, answer) is None:
        return cells.no_model_hint()
    return Hint(_HINTS.get(question.name, "This placement has nothing to show here."))


def _pairs(question: Question, answer: Answer | None) -> Mapping[str, Any]:
    """Return the partners of a product, with what is known of each pair."""
    known = _known([answer])
    results = _results(answer)
    best = max((row.score for row in results), default=1.0)
    is_bought = question.name == "bought_together"
    return {
        "label": label(question.name),
        "is_bought": is_bought,
        "rows": [
            {
                "product": known[row.item_id],
                "score": cells.score(row.score),
                "share": round(100 * row.score / best),
                "support": number(row.support),
                "confidence": percent(row.confidence),
                "lift": f"{row.lift:,.1f}",
            }
            for row in results
        ],
        "hint": _hint(question, answer),
    }
