"""The stream function: what is stored as events becomes profiles, counters and lists in seconds.

Lambda delivers records at least once and in order per user. A record only says which event to look
at, and all is computed from what is stored now, so duplicates, replays and any order give the same
rows.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import MsgspecError

from core.dynamodb.errors import is_transient
from core.usage import measured
from recommendations.services import dead_letters, following, realtime
from recommendations.storage.events import EventKey

logger = logging.getLogger(__name__)

# What content causes: another try would meet the same content. Whatever else goes wrong may pass,
# or be mended while Lambda tries again; it becomes a dead letter when that gives up.
_POISON = (ArithmeticError, LookupError, MsgspecError, ValueError)

Record = Mapping[str, Any]


def handler(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:  # noqa: ARG001  # Lambda's signature
    """Bring everything up to date with a batch of stream records.

    A record that can never be handled becomes a dead letter, so that it holds up nothing.

    Returns
    -------
    dict
        ``batchItemFailures`` with the sequence numbers of the records that must come again, as
        Lambda's partial batch response wants them.
    """
    with measured("stream", "events"):
        failed = _follow(event["Records"])
        following.note(_stored_at(event["Records"]))
    return {
        "batchItemFailures": [
            {"itemIdentifier": record["dynamodb"]["SequenceNumber"]} for record in failed
        ]
    }


def _follow(records: Sequence[Record]) -> list[Record]:
    """Do what records ask for; return those that must come again."""
    by_key: dict[EventKey, list[Record]] = {}
    item_ids: set[str] = set()
    failed: list[Record] = []
    for record in records:
        try:
            key, named = _read(record)
        except (KeyError, TypeError, ValueError) as error:
            failed += _given_up([record], error)
            continue
        by_key.setdefault(key, []).append(record)
        item_ids |= named
    for key, reason in realtime.follow(keys=by_key, item_ids=item_ids).items():
        poison = isinstance(reason, _POISON) and not is_transient(reason)
        # The key is personal; the sequence number in the answer or letter leads to it.
        logger.error("%s records cannot be handled", len(by_key[key]), exc_info=reason)
        failed += _given_up(by_key[key], reason) if poison else by_key[key]
    realtime.refresh_lists()
    return failed


def _stored_at(records: Sequence[Record]) -> list[datetime]:
    """Return when the changes were made, of those records that say it."""
    found = []
    for record in records:
        at = record["dynamodb"].get("ApproximateCreationDateTime")
        if isinstance(at, datetime):
            found.append(at)
        elif isinstance(at, int | float):
            found.append(datetime.fromtimestamp(at, UTC))
    return found


def _read(record: Record) -> tuple[EventKey, set[str]]:
    """Return the key of a record's event and the products that it names."""
    change = record["dynamodb"]
    keys, image = change["Keys"], change.get("NewImage")
    named = set() if image is None else {line[0] for line in json.loads(image["lines"]["S"])}
    return (keys["user_id"]["S"], keys["timestamp#event_id"]["S"]), named


def _given_up(records: list[Record], error: Exception) -> list[Record]:
    """Keep records as dead letters; return those for which that failed."""
    try:
        dead_letters.keep(records=records, reason=f"it cannot be read ({type(error).__name__})")
    except Exception:
        logger.exception("%s records could not be kept as dead letters", len(records))
        return records
    numbers = ", ".join(record["dynamodb"]["SequenceNumber"] for record in records)
    logger.error("stream records %s cannot be read and are dead letters now", numbers)
    return []
