"""Which products to show next, over REST."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from core.api import queries
from core.api.errors import retry_later
from core.api.operations import ApiView, operation
from core.validation import Id, Label
from recommendations.api.catalogue import missing_item
from recommendations.entities import Item
from recommendations.rules import Filters, Terms
from recommendations.services import catalogue, recommend
from recommendations.services.profiles import ContendedProfileError

retry_later(ContendedProfileError)

_SCOPE = "recommendations:read"
Limit = Annotated[int, msgspec.Meta(ge=1, le=100)]


class FilterQuery(queries.Query, frozen=True, kw_only=True):
    """How many products, and which may be shown: of up to 20 categories, but for up to 100 ids."""

    limit: Limit = 10
    category: Annotated[
        tuple[Label, ...], msgspec.Meta(max_length=20, description="In one of these; up to 20.")
    ] = ()
    exclude: Annotated[
        tuple[Id, ...], msgspec.Meta(max_length=100, description="None of these ids; up to 100.")
    ] = ()
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    expand: Literal["item"] | None = None

    def __post_init__(self) -> None:
        self.filters()

    def filters(self) -> Filters:
        """Return what the catalogue fields of a product must be like.

        Raises
        ------
        ValueError
            For a price that no product has.
        """
        return Filters(
            categories=Terms(any_of=self.category),
            price_min=self.price_min,
            price_max=self.price_max,
            exclude=frozenset(self.exclude),
        )


class RecommendQuery(FilterQuery, frozen=True, kw_only=True):
    """``exclude_purchased``: without what the user bought; ``explain``: say why."""

    exclude_purchased: bool = True
    explain: bool = False


class SessionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The products of a basket or an anonymous session, oldest first."""

    items: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=100)]
    limit: Limit | None = None


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
    """Products to show, best first."""

    recommendation_id: str
    model_version: str | None
    source: str
    results: tuple[RecommendedItem, ...]


class SimilarItem(msgspec.Struct, frozen=True, kw_only=True):
    """A neighbour of a product; ``support`` is how many users have both."""

    item_id: str
    score: float
    support: int
    item: Item | UnsetType | None = UNSET


class SimilarList(msgspec.Struct, frozen=True, kw_only=True):
    """The neighbours of a product, nearest first."""

    model_version: str | None
    results: tuple[SimilarItem, ...]


_Row = TypeVar("_Row", RecommendedItem, SimilarItem)


def _answer(recommender: str, query: FilterQuery, **about: Any) -> recommend.Answer:
    if isinstance(query, RecommendQuery):
        about["explain"] = query.explain
        about["exclude_purchased"] = query.exclude_purchased
    return recommend.serve(
        recommender=recommender, filters=[query.filters()], limit=query.limit, **about
    )


def _expanded(rows: Sequence[_Row], query: FilterQuery) -> tuple[_Row, ...]:
    if query.expand is None or not rows:
        return tuple(rows)
    items = catalogue.find_many(item_ids=[row.item_id for row in rows])
    return tuple(msgspec.structs.replace(row, item=items.get(row.item_id)) for row in rows)


def present(answer: recommend.Answer, query: RecommendQuery) -> RecommendedList:
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
        results=_expanded(rows, query),
    )


class UserRecommendations(ApiView):
    @operation("Recommend for user", scope=_SCOPE, query=RecommendQuery, answer=RecommendedList)
    def get(self, user_id: str, query: RecommendQuery) -> RecommendedList:
        """For a known user; an unknown one gets what is popular."""
        answer = _answer("personal", query, user_id=user_id)
        return present(answer, query)


class SessionRecommendations(ApiView):
    @operation(
        "Recommend for session",
        scope=_SCOPE,
        query=RecommendQuery,
        body=SessionBody,
        answer=RecommendedList,
        idempotent=True,
    )
    def post(self, query: RecommendQuery, body: SessionBody) -> Any:
        """For a basket or an anonymous session; a `limit` in the body goes before the query's."""
        if body.limit is not None:
            query = msgspec.structs.replace(query, limit=body.limit)
        answer = _answer("session", query, item_ids=body.items)
        return present(answer, query)


class PopularItems(ApiView):
    @operation("List popular items", scope=_SCOPE, query=RecommendQuery, answer=RecommendedList)
    def get(self, query: RecommendQuery) -> RecommendedList:
        """What sells best over all time; not personal."""
        return present(_answer("popular", query, fallbacks=()), query)


class TrendingItems(ApiView):
    @operation("List trending items", scope=_SCOPE, query=RecommendQuery, answer=RecommendedList)
    def get(self, query: RecommendQuery) -> RecommendedList:
        """What sold best lately; not personal."""
        return present(_answer("trending", query, fallbacks=()), query)


class SimilarItems(ApiView):
    @operation("List similar items", scope=_SCOPE, query=FilterQuery, answer=SimilarList)
    def get(self, item_id: str, query: FilterQuery) -> SimilarList:
        """Products that the same users chose."""
        answer = _answer("similar", query, item_ids=[item_id], fallbacks=())
        if not answer.results and catalogue.find(item_id=item_id) is None:
            raise missing_item()
        rows = [
            SimilarItem(item_id=row.item_id, score=row.score, support=row.support)
            for row in answer.results
        ]
        return SimilarList(model_version=answer.model_version, results=_expanded(rows, query))
