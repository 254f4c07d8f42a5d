"""Records of the stream that were given up: keep them, look at them, try again, discard them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError
from django.conf import settings

from core.pages import Page
from core.validation import from_iso, to_key
from recommendations.services import realtime
from recommendations.storage import dead_letters as storage
from recommendations.storage import events
from recommendations.storage.dead_letters import DeadLetter
from recommendations.storage.events import ALWAYS, EventKey, Period

__all__ = ["DeadLetter", "collect", "discard", "find", "keep", "listing", "retry", "retry_all"]

_GIVEN_UP = "it failed at every try"
_LEFT_THE_STREAM = "it failed at every try, and is no longer in the stream; run a rebuild"
_NUMBER_LENGTH = 21
_MESSAGES = 10
_MOST = 1000


def keep(*, records: Sequence[Mapping[str, Any]], reason: str = _GIVEN_UP) -> None:
    """Keep records of the stream as dead letters, by the keys of their events."""
    storage.save([_letter(record["dynamodb"], reason) for record in records])


def _letter(change: Mapping[str, Any], reason: str) -> DeadLetter:
    at = change.get("ApproximateCreationDateTime", 0)
    moment = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    return DeadLetter(
        letter_id=f"{to_key(moment)}#{change['SequenceNumber']}",
        reason=reason,
        key=event_key(change),
    )


def event_key(change: Mapping[str, Any]) -> EventKey | None:
    """Return the key of the event that a record is about; None where it has none."""
    try:
        keys = change["Keys"]
        return keys["user_id"]["S"], keys["timestamp#event_id"]["S"]
    except (KeyError, TypeError):
        return None


def listing(*, limit: int, position: Any = None, period: Period = ALWAYS) -> Page[DeadLetter]:
    """Return dead letters of events written in a period, newest first."""
    return storage.listing(limit=limit, position=position, period=period)


def find(*, letter_id: str) -> DeadLetter | None:
    """Return one dead letter, or None."""
    return storage.find(letter_id=letter_id)


def retry(*, letter_id: str) -> bool:
    """Do again what the record asked for, from what is stored now; tell whether it succeeded.

    The letter goes if it did. One without the key of an event never does: a rebuild does what it
    asked for, among all else.
    """
    letter = storage.find(letter_id=letter_id)
    if letter is None or letter.key is None:
        return False
    try:
        stored = events.find_many([letter.key])
    except (TypeError, ValueError):
        return False  # Still damaged.
    item_ids = {line.item_id for event in stored.values() for line in event.items}
    failed = realtime.follow(keys=[letter.key], item_ids=item_ids)
    if not failed:
        storage.delete([letter_id])
    return not failed


def retry_all() -> tuple[int, list[DeadLetter]]:
    """Try all dead letters again, the oldest first; return how many went and those that stay."""
    page = storage.listing(limit=_MOST)
    letters = list(page.rows)
    while page.next is not None:
        page = storage.listing(limit=_MOST, position=page.next)
        letters += page.rows
    left = [each for each in reversed(letters) if not retry(letter_id=each.letter_id)]
    return len(letters) - len(left), left


def discard(*, letter_id: str) -> bool:
    """Remove a dead letter for good; tell whether it was there."""
    if storage.find(letter_id=letter_id) is None:
        return False
    storage.delete([letter_id])
    return True


def collect() -> int:
    """Keep what Lambda has given up, as the failure queue tells; return how many records.

    Lambda names a part of the stream. What is still in there is kept by the keys of its events.
    """
    if not settings.FAILURE_QUEUE:
        return 0
    client = boto3.client("sqs")
    try:
        url = client.get_queue_url(QueueName=settings.FAILURE_QUEUE)["QueueUrl"]
    except client.exceptions.QueueDoesNotExist:
        return 0  # Nothing follows a stream yet.
    count = 0
    while count < _MOST:
        answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=_MESSAGES)
        messages = answer.get("Messages", [])
        if not messages:
            break
        for message in messages:
            part = json.loads(message["Body"])["DDBStreamBatchInfo"]
            records = list(_records(part))
            if records:
                keep(records=records)
            else:
                change = {
                    "ApproximateCreationDateTime": from_iso(
                        part["approximateArrivalOfFirstRecord"]
                    ),
                    "SequenceNumber": part["startSequenceNumber"],
                }
                keep(records=[{"dynamodb": change}], reason=_LEFT_THE_STREAM)
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            count += max(1, len(records))
    return count


def _records(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the records of a part of the stream; none when they are older than its 24 hours."""
    client = boto3.client("dynamodbstreams")
    first, last = int(part["startSequenceNumber"]), int(part["endSequenceNumber"])
    try:
        iterator = client.get_shard_iterator(
            StreamArn=part["streamArn"],
            ShardId=part["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            # Of AWS's own length: emulators count from one.
            SequenceNumber=part["startSequenceNumber"].zfill(_NUMBER_LENGTH),
        )["ShardIterator"]
        while iterator:
            answer = client.get_records(ShardIterator=iterator)
            for record in answer["Records"]:
                number = int(record["dynamodb"]["SequenceNumber"])
                if number > last:
                    return
                if number >= first:
                    yield record
            if not answer["Records"]:
                return
            iterator = answer.get("NextShardIterator")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in {"TrimmedDataAccessException", "ResourceNotFoundException"}:
            raise
