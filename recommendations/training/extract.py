"""Read what a model learns from."""

from collections.abc import Callable

from recommendations.engine.interactions import Interactions, InteractionsBuilder
from recommendations.engine.weights import event_weight
from recommendations.storage import events


def extract(*, on_rows: Callable[[int], None] = lambda _: None) -> Interactions:
    """Read all stored events; memory grows with 28 bytes per line, not with the rows."""
    builder = InteractionsBuilder()
    for event in events.everything():
        weight = event_weight(event.type)
        basket = f"{event.actor}#{event.event_id}" if event.type == "purchase" else None
        for line in event.items:
            builder.add(
                event.actor,
                line.item_id,
                weight=weight,
                time=event.timestamp.timestamp(),
                basket=basket,
            )
        on_rows(1)
    return builder.build()
