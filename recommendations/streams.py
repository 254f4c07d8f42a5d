"""The stream function: what is stored as events becomes profiles within seconds.

Lambda delivers records at least once and in order per user. A record only says whose profile to
compute anew, from what is stored now, so duplicates, replays and any order give the same rows.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from recommendations.entities import SESSION_PREFIX
from recommendations.services import catalogue, profiles
from users.services import customers

logger = logging.getLogger(__name__)

_THREADS = 4


def handler(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:  # noqa: ARG001  # Lambda's signature
    """Bring the profiles of all users in a batch of stream records up to date.

    Returns
    -------
    dict
        ``batchItemFailures`` with the sequence numbers of the records that must come again, as
        Lambda's partial batch response wants them.
    """
    by_actor: dict[str, list[str]] = defaultdict(list)
    items: set[str] = set()
    failed: list[str] = []
    for record in event["Records"]:
        change = record["dynamodb"]
        try:
            actor = change["Keys"]["user_id"]["S"]
            items.update(_item_ids(change))
        except (KeyError, TypeError, ValueError):
            logger.exception("stream record %s cannot be read", change.get("SequenceNumber"))
            failed.append(change["SequenceNumber"])
            continue
        by_actor[actor].append(change["SequenceNumber"])
    # First: who is erased while we work must not be created again by what we have seen before.
    created = customers.ensure(user_ids=[actor for actor in by_actor if _is_user(actor)])
    known = _refresh_all(list(by_actor))
    for actor, sequence_numbers in by_actor.items():
        if actor not in known:
            failed += sequence_numbers
    for actor in created:
        if known.get(actor) is False:
            customers.forget_bare(user_id=actor)
    catalogue.ensure(item_ids=items)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}


def _item_ids(change: Mapping[str, Any]) -> set[str]:
    image = change.get("NewImage")
    return set() if image is None else {line[0] for line in json.loads(image["lines"]["S"])}


def _is_user(actor: str) -> bool:
    return not actor.startswith(SESSION_PREFIX)


def _refresh_all(actors: Sequence[str]) -> dict[str, bool]:
    """Refresh profiles side by side; return for those that succeeded whether they have events."""

    def refresh(actor: str) -> bool | None:
        try:
            return profiles.refresh(user_id=actor).has_events
        except Exception:
            # The user id is personal; the record's sequence number in the answer names it.
            logger.exception("a profile could not be refreshed")
            return None

    users = [actor for actor in actors if _is_user(actor)]
    sessions = {actor: False for actor in actors if not _is_user(actor)}
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        futures = {actor: pool.submit(copy_context().run, refresh, actor) for actor in users}
    done = {actor: future.result() for actor, future in futures.items()}
    return sessions | {actor: result for actor, result in done.items() if result is not None}
