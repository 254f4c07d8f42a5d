"""Lists of recommended products: what may be asked of one, and what it looks like."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from core.api import queries
from core.validation import Id, Label, Price
from recommendations.entities import Item
from recommendations.rules import Filters, Terms
from recommendations.services import catalogue, recommend

Limit = Annotated[int, msgspec.Meta(ge=1, le=100)]
_MAX_NAMES = 20


def _names(text: str) -> msgspec.Meta:
    return msgspec.Meta(max_length=_MAX_NAMES, description=f"{text}; up to {_MAX_NAMES}.")


class FilterQuery(queries.Query, frozen=True, kw_only=True):
    """How many products, and which may be shown."""

    limit: Limit = 10
    category: Annotated[tuple[Label, ...], _names("In one of these")] = ()
    category_all: Annotated[tuple[Label, ...], _names("In each of these")] = ()
    category_none: Annotated[tuple[Label, ...], _names("In none of these")] = ()
    label: Annotated[tuple[Label, ...], _names("With one of these labels")] = ()
    label_all: Annotated[tuple[Label, ...], _names("With each of these labels")] = ()
    label_none: Annotated[tuple[Label, ...], _names("With none of these labels")] = ()
    exclude: Annotated[
        tuple[Id, ...], msgspec.Meta(max_length=100, description="None of these ids; up to 100.")
    ] = ()
    price_min: Price | None = None
    price_max: Price | None = None
    expand: Literal["item"] | None = None

    def __post_init__(self) -> None:
        self.filters()

    def filters(self) -> Filters:
        """Return what a product must be like.

        Raises
        ------
        ValueError
            For a price that no product has.
        """
        return Filters(
            categories=Terms(
                any_of=self.category, all_of=self.category_all, none_of=self.category_none
            ),
            labels=Terms(any_of=self.label, all_of=self.label_all, none_of=self.label_none),
            price_min=self.price_min,
            price_max=self.price_max,
            exclude=frozenset(self.exclude),
        )


class RecommendQuery(FilterQuery, frozen=True, kw_only=True):
    """``exclude_purchased``: without what the user bought; ``explain``: say why."""

    exclude_purchased: bool = True
    explain: bool = False


class RankQuery(queries.Query, frozen=True, kw_only=True):
    """``explain``: say why."""

    expand: Literal["item"] | None = None
    explain: bool = False


class Because(msgspec.Struct, frozen=True):
    """An event of the user's own, and the share of the score that it carried.

    For a basket the event is `session`, which has no time.
    """

    item_id: str
    event: str
    at: str | None
    share: float


class RecommendedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A product to show; ``because`` comes with `explain=true`, ``item`` with `expand=item`."""

    item_id: str
    score: float
    source: str
    because: tuple[Because, ...] | UnsetType = UNSET
    item: Item | UnsetType | None = UNSET


class RecommendedList(msgspec.Struct, frozen=True, kw_only=True):
    """Products to show, best first; ``source`` is that of the first."""

    recommendation_id: str
    model_version: str | None
    source: str
    results: tuple[RecommendedItem, ...]


class SimilarItem(msgspec.Struct, frozen=True, kw_only=True):
    """A neighbour of a product.

    ``support`` is how many users have both. With `content` as the ``source`` the words of the two
    products are alike, and it is 0.
    """

    item_id: str
    score: float
    source: str
    support: int
    item: Item | UnsetType | None = UNSET


class SimilarList(msgspec.Struct, frozen=True, kw_only=True):
    """The neighbours of a product, nearest first."""

    recommendation_id: str
    model_version: str | None
    results: tuple[SimilarItem, ...]


class PartnerItem(msgspec.Struct, frozen=True, kw_only=True):
    """A product from the same baskets.

    ``support`` is how many baskets have both, ``confidence`` their share of those with the first
    product, ``lift`` how many times that is the share of all baskets.
    """

    item_id: str
    score: float
    source: str
    support: int
    confidence: float
    lift: float
    item: Item | UnsetType | None = UNSET


class PartnerList(msgspec.Struct, frozen=True, kw_only=True):
    """What is bought together with a product, best first."""

    recommendation_id: str
    model_version: str | None
    results: tuple[PartnerItem, ...]


_Row = TypeVar("_Row", RecommendedItem, SimilarItem, PartnerItem)
Presentation = RecommendQuery | RankQuery


def answer(recommender: str, query: FilterQuery, **about: Any) -> recommend.Answer:
    """Ask a recommender for what a query wants."""
    options: dict[str, Any] = {"filters": [query.filters()], "limit": query.limit, **about}
    if isinstance(query, RecommendQuery):
        options |= {"explain": query.explain, "exclude_purchased": query.exclude_purchased}
    return recommend.serve(recommender=recommender, expand=query.expand is not None, **options)


def present(answer: recommend.Answer, query: Presentation) -> RecommendedList:
    """Return the body of an answer, with what the query wants to know of each product."""
    rows = [
        RecommendedItem(
            item_id=row.item_id,
            score=row.score,
            source=row.source,
            because=tuple(
                Because(cause.item_id, cause.event, cause.at or None, cause.share)
                for cause in row.because
            )
            if query.explain
            else UNSET,
        )
        for row in answer.results
    ]
    return RecommendedList(
        recommendation_id=answer.recommendation_id,
        model_version=answer.model_version,
        source=answer.source,
        results=_expanded(rows, answer, query),
    )


def present_similar(answer: recommend.Answer, query: FilterQuery) -> SimilarList:
    """Return the body of an answer about similar products."""
    rows = [
        SimilarItem(item_id=row.item_id, score=row.score, source=row.source, support=row.support)
        for row in answer.results
    ]
    return SimilarList(
        recommendation_id=answer.recommendation_id,
        model_version=answer.model_version,
        results=_expanded(rows, answer, query),
    )


def present_partners(answer: recommend.Answer, query: FilterQuery) -> PartnerList:
    """Return the body of an answer about what is bought together."""
    rows = [
        PartnerItem(
            item_id=row.item_id,
            score=row.score,
            source=row.source,
            support=row.support,
            confidence=row.confidence,
            lift=row.lift,
        )
        for row in answer.results
    ]
    return PartnerList(
        recommendation_id=answer.recommendation_id,
        model_version=answer.model_version,
        results=_expanded(rows, answer, query),
    )


def _expanded(
    rows: Sequence[_Row], answer: recommend.Answer, query: FilterQuery | RankQuery
) -> tuple[_Row, ...]:
    if query.expand is None or not rows:
        return tuple(rows)
    items = answer.items
    if items is None:
        items = catalogue.find_many(item_ids=[row.item_id for row in rows])
    return tuple(msgspec.structs.replace(row, item=items.get(row.item_id)) for row in rows)
