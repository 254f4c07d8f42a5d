"""The estimators: `fit`, `recommend`, `similar_items`, `get_params`."""

from recommendations.engine.models.base import Estimator, NeighbourEstimator, NotFittedError
from recommendations.engine.models.bought_together import BoughtTogether
from recommendations.engine.models.buy_again import BuyAgain
from recommendations.engine.models.content import ContentNeighbours
from recommendations.engine.models.item_neighbours import ItemNeighbours
from recommendations.engine.models.next_item import NextItem
from recommendations.engine.models.popular import Popular

__all__ = [
    "BoughtTogether",
    "BuyAgain",
    "ContentNeighbours",
    "Estimator",
    "ItemNeighbours",
    "NeighbourEstimator",
    "NextItem",
    "NotFittedError",
    "Popular",
]
