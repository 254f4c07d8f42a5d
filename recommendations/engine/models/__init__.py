"""The estimators: `fit`, `recommend`, `similar_items`, `get_params`."""

from recommendations.engine.models.base import Estimator
from recommendations.engine.models.item_neighbours import ItemNeighbours
from recommendations.engine.models.popular import Popular

__all__ = ["Estimator", "ItemNeighbours", "Popular"]
