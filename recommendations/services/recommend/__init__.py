"""Answer which products to show next."""

from recommendations.profiles import FALLBACKS
from recommendations.services.recommend.as_if import as_if
from recommendations.services.recommend.batch import MAX_USERS, UserAnswer, for_users
from recommendations.services.recommend.ranking import rank
from recommendations.services.recommend.ready import category_list
from recommendations.services.recommend.serve import RECOMMENDERS, serve
from recommendations.services.recommend.types import Answer, Recommendation

__all__ = [
    "FALLBACKS",
    "MAX_USERS",
    "RECOMMENDERS",
    "Answer",
    "Recommendation",
    "UserAnswer",
    "as_if",
    "category_list",
    "for_users",
    "rank",
    "serve",
]
