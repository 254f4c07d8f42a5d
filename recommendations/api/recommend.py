"""Which products to show next, over REST."""

from typing import Annotated, Any

import msgspec

from core.api.answers import ErrorContent, RejectedRow
from core.api.operations import ApiView, operation
from core.validation import Id
from recommendations.api.catalogue import missing_item
from recommendations.api.lists import (
    FilterQuery,
    Limit,
    PartnerList,
    RankQuery,
    RecommendedList,
    RecommendQuery,
    SimilarList,
    answer,
    present,
    present_partners,
    present_similar,
)
from recommendations.services import recommend

_SCOPE = "recommendations:read"


class SessionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The products of a basket or an anonymous session, oldest first."""

    items: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=100)]
    limit: Limit | None = None


class RankBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user, and the products to put in order."""

    user_id: Id
    items: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=100)]


class BatchBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 100 users; ``limit`` holds for each of them."""

    users: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=recommend.MAX_USERS)]
    limit: Limit | None = None


class UserList(RecommendedList, frozen=True, kw_only=True):
    """Products to show to one of the users."""

    user_id: str


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A list for each user in the order of the request, each user once.

    ``rejected`` names by their place those for whom there is none at this moment.
    """

    results: list[UserList]
    rejected: list[RejectedRow]


class UserRecommendations(ApiView):
    @operation("Recommend for user", scope=_SCOPE, query=RecommendQuery, answer=RecommendedList)
    def get(self, user_id: str, query: RecommendQuery) -> RecommendedList:
        """For a known user; an unknown one gets what is trending or popular."""
        return present(answer("personal", query, user_id=user_id), query)


class BuyAgainItems(ApiView):
    @operation(
        "List items to buy again", scope=_SCOPE, query=RecommendQuery, answer=RecommendedList
    )
    def get(self, user_id: str, query: RecommendQuery) -> RecommendedList:
        """What the user bought at several times, most often first; nothing else fills it up."""
        return present(answer("buy_again", query, user_id=user_id, fallbacks=()), query)


class RecentlyViewedItems(ApiView):
    @operation(
        "List recently viewed items", scope=_SCOPE, query=RecommendQuery, answer=RecommendedList
    )
    def get(self, user_id: str, query: RecommendQuery) -> RecommendedList:
        """What the user looked at, newest first; nothing else fills it up."""
        return present(answer("recently_viewed", query, user_id=user_id, fallbacks=()), query)


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
        query = _limited(query, body.limit)
        return present(answer("session", query, item_ids=body.items), query)


class RankedItems(ApiView):
    @operation(
        "Rank items",
        scope=_SCOPE,
        query=RankQuery,
        body=RankBody,
        answer=RecommendedList,
        idempotent=True,
    )
    def post(self, query: RankQuery, body: RankBody) -> Any:
        """The same items, all of them and each once, best for the user first.

        Items that nothing is known about keep their order, with `given` as the source; what is
        not available, or disliked, comes last.
        """
        ranked = recommend.rank(
            user_id=body.user_id,
            item_ids=body.items,
            explain=query.explain,
            expand=query.expand is not None,
        )
        return present(ranked, query)


class BatchRecommendations(ApiView):
    @operation(
        "Recommend for users",
        scope=_SCOPE,
        query=RecommendQuery,
        body=BatchBody,
        answer=BatchAnswer,
        idempotent=True,
    )
    def post(self, query: RecommendQuery, body: BatchBody) -> Any:
        """For up to 100 users at once; a `limit` in the body goes before the query's."""
        query = _limited(query, body.limit)
        found = recommend.for_users(
            user_ids=body.users,
            filters=[query.filters()],
            limit=query.limit,
            explain=query.explain,
            exclude_purchased=query.exclude_purchased,
            expand=query.expand is not None,
        )
        results = []
        rejected = []
        for row in found:
            if row.answer is None:
                error = ErrorContent("unavailable", "Busy; try this user again.", {})
                rejected.append(RejectedRow(body.users.index(row.user_id), error))
            else:
                shown = present(row.answer, query)
                fields = {name: getattr(shown, name) for name in shown.__struct_fields__}
                results.append(UserList(user_id=row.user_id, **fields))
        return BatchAnswer(results=results, rejected=rejected)


class PopularItems(ApiView):
    @operation("List popular items", scope=_SCOPE, query=RecommendQuery, answer=RecommendedList)
    def get(self, query: RecommendQuery) -> RecommendedList:
        """What sells best over all time; not personal."""
        return present(answer("popular", query, fallbacks=()), query)


class TrendingItems(ApiView):
    @operation("List trending items", scope=_SCOPE, query=RecommendQuery, answer=RecommendedList)
    def get(self, query: RecommendQuery) -> RecommendedList:
        """What sold best lately, within the days that the shop has set; not personal."""
        return present(answer("trending", query, fallbacks=()), query)


class LatestItems(ApiView):
    @operation("List latest items", scope=_SCOPE, query=RecommendQuery, answer=RecommendedList)
    def get(self, query: RecommendQuery) -> RecommendedList:
        """What is newest in the catalogue; not personal."""
        return present(answer("latest", query, fallbacks=()), query)


class SimilarItems(ApiView):
    @operation("List similar items", scope=_SCOPE, query=FilterQuery, answer=SimilarList)
    def get(self, item_id: str, query: FilterQuery) -> SimilarList:
        """Products that the same users chose; for a new item, products with similar words."""
        return present_similar(_about(item_id, "similar", query), query)


class BoughtTogetherItems(ApiView):
    @operation("List bought-together items", scope=_SCOPE, query=FilterQuery, answer=PartnerList)
    def get(self, item_id: str, query: FilterQuery) -> PartnerList:
        """Products from the same baskets."""
        return present_partners(_about(item_id, "bought_together", query), query)


def _limited(query: RecommendQuery, limit: int | None) -> RecommendQuery:
    return query if limit is None else msgspec.structs.replace(query, limit=limit)


def _about(item_id: str, recommender: str, query: FilterQuery) -> recommend.Answer:
    found = answer(recommender, query, item_ids=[item_id], fallbacks=())
    if not found.results and not found.knows_subject:
        raise missing_item()
    return found
