"""Why a product is recommended: which events carried its score."""

from collections.abc import Collection, Mapping, Sequence

from recommendations.engine.packing import Neighbour
from recommendations.engine.rank import MAX_HISTORY, HistoryItem, rank
from recommendations.services.recommend.types import Because


def causes(
    item_ids: Collection[str],
    *,
    history: Sequence[HistoryItem],
    neighbours: Mapping[str, Sequence[Neighbour]],
) -> Because:
    """Return all causes of products that a history was ranked with, largest share first."""
    wanted = set(item_ids)
    rows = {
        item_id: [row for row in near if row.item_id in wanted]
        for item_id, near in neighbours.items()
    }
    scored = rank(
        history=history, neighbours=rows, exclude=(), limit=len(wanted), causes=MAX_HISTORY
    )
    return {row.item_id: row.causes for row in scored}
