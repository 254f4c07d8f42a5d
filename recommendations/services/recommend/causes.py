"""Why a product is recommended: which events carried its score."""

from collections.abc import Collection, Mapping, Sequence

from recommendations.engine.packing import Neighbours
from recommendations.engine.rank import HistoryItem, rank
from recommendations.services.recommend.types import Because


def causes(
    item_ids: Collection[str],
    *,
    history: Sequence[HistoryItem],
    neighbours: Mapping[str, Neighbours],
) -> Because:
    """Return all causes of products that a history was ranked with, largest share first."""
    wanted = set(item_ids)
    # The whole rows: they decide which part of a long history counts.
    others = {item_id for near in neighbours.values() for item_id in near.item_ids} - wanted
    scored = rank(
        history=history,
        neighbours=neighbours,
        exclude=others,
        limit=len(wanted),
        causes=len(history),
    )
    return {row.item_id: row.causes for row in scored}
