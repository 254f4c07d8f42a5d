"""Feeds the events table's stream to its handler, as Lambda does on AWS."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import boto3
from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger(__name__)

Record = Mapping[str, Any]
Handler = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_BATCH = 100
_TRIES = 5
_PAUSE = 0.25
_DRAIN_SECONDS = 15.0


class StreamPoller:
    """Reads a stream in a thread and hands its records to a handler, some again if it fails.

    Parameters
    ----------
    stream
        The ARN of the stream.
    handler
        Takes ``{"Records": […]}`` and returns ``batchItemFailures``, as a Lambda function does.
    give_up
        Takes the records that failed at every try.
    """

    def __init__(
        self, stream: str, handler: Handler, *, give_up: Callable[[Sequence[Record]], None]
    ) -> None:
        self._stream = stream
        self._handler = handler
        self._give_up = give_up
        self._client = boto3.client("dynamodbstreams")
        self._iterators: dict[str, str | None] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stream", daemon=True)

    def start(self, position: Literal["LATEST", "TRIM_HORIZON"] = "LATEST") -> None:
        """Begin with the next record that is written, or the oldest that the stream still has."""
        for shard in self._shards():
            self._iterators[shard] = self._iterator(shard, position)
        self._thread.start()

    def stop(self) -> None:
        """Handle what has been written so far, then end; nobody may write any more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_DRAIN_SECONDS)

    def _shards(self) -> list[str]:
        shards: list[str] = []
        start: dict[str, str] = {}
        while True:
            page = self._client.describe_stream(StreamArn=self._stream, **start)
            found = page["StreamDescription"]
            shards += [shard["ShardId"] for shard in found["Shards"]]
            if "LastEvaluatedShardId" not in found:
                return shards
            start = {"ExclusiveStartShardId": found["LastEvaluatedShardId"]}

    def _iterator(self, shard: str, kind: str) -> str:
        answer = self._client.get_shard_iterator(
            StreamArn=self._stream, ShardId=shard, ShardIteratorType=kind
        )
        return str(answer["ShardIterator"])

    def _run(self) -> None:
        while True:
            stopping = self._stopping.is_set()
            try:
                count = self._pass()
            except (BotoCoreError, ClientError):
                logger.exception("the stream cannot be read at the moment")
                count = 0
            if count == 0:
                if stopping:
                    return
                self._stopping.wait(_PAUSE)

    def _pass(self) -> int:
        """Read each shard once; return how many records there were."""
        count = 0
        for shard, iterator in list(self._iterators.items()):
            if iterator is None:
                continue
            answer = self._client.get_records(ShardIterator=iterator, Limit=_BATCH)
            records = answer["Records"]
            if records:
                self._handle(records)
                count += len(records)
            self._iterators[shard] = answer.get("NextShardIterator")
            if self._iterators[shard] is None:
                # The shard is closed and read to its end; those that follow it begin there.
                for follower in self._shards():
                    if follower not in self._iterators:
                        self._iterators[follower] = self._iterator(follower, "TRIM_HORIZON")
        return count

    def _handle(self, records: Sequence[Record]) -> None:
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(_PAUSE * 2**attempt)
            try:
                answer = self._handler({"Records": records})
            except Exception:
                logger.exception("the stream handler failed")
                continue
            failed = {each["itemIdentifier"] for each in answer.get("batchItemFailures", [])}
            records = [
                record for record in records if record["dynamodb"]["SequenceNumber"] in failed
            ]
            if not records:
                return
        logger.error("%s stream records could not be handled and were given up", len(records))
        try:
            self._give_up(records)
        except Exception:
            logger.exception("they could not even be kept; run 'manage.py rebuild'")


def events_poller() -> StreamPoller | None:
    """Return what brings everything up to date with the events table; None if it has no stream."""
    from core.dynamodb import tables
    from recommendations.services import dead_letters
    from recommendations.streams import handler

    arn = tables.status(tables.table_name("events")).stream
    if arn is None:
        return None
    return StreamPoller(arn, handler, give_up=lambda records: dead_letters.keep(records=records))
