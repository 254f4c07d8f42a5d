"""Answer which products to show next."""

from recommendations.services.recommend.ready import category_list
from recommendations.services.recommend.serve import RECOMMENDERS, serve
from recommendations.services.recommend.types import FALLBACKS, Answer, Recommendation

__all__ = [
    "FALLBACKS",
    "RECOMMENDERS",
    "Answer",
    "Recommendation",
    "category_list",
    "serve",
]
