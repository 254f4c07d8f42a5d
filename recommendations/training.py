"""The training pipeline: extract, evaluate, fit, write, publish.

The live model serves untouched until all rows of the new one are stored; the switch is one
conditional write. Whatever fails before leaves the live model as it is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from core.validation import to_iso
from recommendations.engine.evaluate import Evaluation, evaluate
from recommendations.engine.interactions import Interactions, InteractionsBuilder
from recommendations.engine.models.item_neighbours import ItemNeighbours
from recommendations.engine.packing import Neighbour
from recommendations.engine.popularity import popular, trending
from recommendations.engine.weights import event_weight
from recommendations.services import versions
from recommendations.services.jobs import JobError, Progress
from recommendations.services.recommend import category_list
from recommendations.storage import events, items, neighbours
from recommendations.storage import versions as storage
from recommendations.storage.versions import ModelVersion

LIST_LENGTH = 200
TRENDING_DAYS = 14.0
KEPT_VERSIONS = 3
CHARTED_DAYS = 90
_DIGITS = 6


class NothingToLearnError(JobError):
    """There are no events that say anything about what goes with what."""


def train(progress: Progress, *, publish: bool = True) -> dict[str, Any]:
    """Train a model on all stored events and publish it; return what a person wants to know.

    Raises
    ------
    NothingToLearnError
        When there are no events; the live model keeps serving.
    """
    now = datetime.now(UTC)
    progress.step("reading events", progress=0.05)
    interactions = extract(on_rows=progress.rows)
    if not len(interactions):
        message = "there are no purchases, views or likes to learn from; import events first"
        raise NothingToLearnError(message)
    model = ItemNeighbours()

    progress.step("measuring on held-out time", progress=0.2)
    evaluation = evaluate(interactions, model=model)

    progress.step("fitting", progress=0.4)
    latest = float(interactions.times.max())
    model.fit(interactions, now=latest)
    lists = dict(_lists(interactions, now=latest))
    record = ModelVersion(
        version=_new_version(now),
        created_at=to_iso(now),
        state="training",
        parameters=model.get_params(),
        data={**_data(interactions, evaluation), "lists": sorted(lists)},
        metrics={
            name: {**values, "intervals": evaluation.intervals[name]}
            for name, values in evaluation.metrics.items()
        },
    )
    storage.save(record)

    progress.step("writing the model", progress=0.5)
    written = neighbours.save(
        version=record.version,
        retained=[each.version for each in _retained()],
        rows=_rows(model.neighbours(), interactions.item_ids),
        progress=progress.rows,
    )
    rows = {
        "neighbours": written.items,
        "neighbours_written": written.changed,
        "lists": storage.save_lists(version=record.version, lists=lists.items()),
    }
    storage.save(replace(record, state="ready", rows=rows))

    if publish:
        progress.step("publishing", progress=0.95)
        versions.publish(version=record.version)
        _retire_old_ones()
    return {
        "version": record.version,
        "published": publish,
        "events": len(interactions),
        "users": interactions.n_users,
        "items": interactions.n_items,
        "rows": rows,
        "recall@20": round(evaluation.metrics["model"]["recall@20"], _DIGITS),
        "ndcg@20": round(evaluation.metrics["model"]["ndcg@20"], _DIGITS),
        "popular_recall@20": round(evaluation.metrics["popular"]["recall@20"], _DIGITS),
    }


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


def _new_version(now: datetime) -> str:
    """Return a version id that sorts after all earlier ones."""
    stem = f"{now:%Y-%m-%dT%H:%MZ}"
    for number in range(1, 10):
        if versions.find(version=f"{stem}-{number}") is None:
            return f"{stem}-{number}"
    message = "nine models were trained within this minute; wait for the next"
    raise JobError(message)


def _data(interactions: Interactions, evaluation: Evaluation) -> dict[str, Any]:
    def at(seconds: float) -> str:
        return to_iso(datetime.fromtimestamp(seconds, UTC))

    return {
        "events": len(interactions),
        "users": interactions.n_users,
        "items": interactions.n_items,
        "from": at(float(interactions.times.min())),
        "to": at(float(interactions.times.max())),
        "holdout": {
            "users": evaluation.users,
            "from": at(evaluation.test_from),
            "to": at(evaluation.test_to),
        },
        "daily": _daily(interactions),
    }


def _daily(interactions: Interactions) -> list[int]:
    """Return the events of each of the last 90 days, UTC, up to that of the newest event."""
    days = (interactions.times // 86_400).astype(int)
    age = days.max() - days
    return [int(count) for count in np.bincount(age[age < CHARTED_DAYS])[::-1]]


def _lists(
    interactions: Interactions, *, now: float
) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    yield "popular", popular(interactions, LIST_LENGTH)
    yield (
        "trending",
        trending(interactions, LIST_LENGTH, now=now, window_days=TRENDING_DAYS),
    )
    yield from _category_lists(popular(interactions, interactions.n_items))


def _category_lists(
    ranked: list[tuple[str, float]],
) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    by_category: dict[str, list[tuple[str, float]]] = defaultdict(list)
    found = items.find([item_id for item_id, _ in ranked])
    for item_id, score in ranked:
        item = found.get(item_id)
        for category in item.categories if item is not None else ():
            if len(by_category[category]) < LIST_LENGTH:
                by_category[category].append((item_id, score))
    for category, entries in by_category.items():
        yield category_list(category), entries


def _rows(
    found: Iterator[tuple[str, list[Neighbour]]], item_ids: Iterable[str]
) -> Iterator[tuple[str, list[Neighbour]]]:
    """Yield a row for every item, empty for those that have no neighbours (any more)."""
    known = next(found, None)
    for item_id in item_ids:
        if known is not None and known[0] == item_id:
            yield known
            known = next(found, None)
        else:
            yield item_id, []


def _retained() -> list[ModelVersion]:
    """Return the live version and the newest others that a person may go back to."""
    live = versions.live()
    complete = [
        record
        for record in versions.listing(limit=100).rows
        if record.state in {"ready", "rejected"}
    ]
    others = [record for record in complete if record.version != live]
    return [record for record in complete if record.version == live] + others[: KEPT_VERSIONS - 1]


def _retire_old_ones() -> None:
    kept = {record.version for record in _retained()}
    for record in versions.listing(limit=100).rows:
        if record.version not in kept and record.state != "retired":
            storage.retire(record)
