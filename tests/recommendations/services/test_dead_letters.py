"""What Lambda or the local stream gives up is kept by the keys of its events."""

import json
import threading
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from django.test import override_settings

from core.dynamodb import tables
from project import local_stream
from project.local_stream import StreamPoller
from recommendations.services import dead_letters, events
from recommendations.storage.events import key_of
from tests.recommendations.factories import event

pytestmark = pytest.mark.usefixtures("dynamodb")


def keys() -> list[Any]:
    return [letter.key for letter in dead_letters.listing(limit=10).rows]


def stream() -> str:
    arn = tables.status(tables.table_name("events")).stream
    assert arn
    return arn


def test_letters_come_newest_first_and_page_by_page() -> None:
    change = {"Keys": {"user_id": {"S": "ann"}, "timestamp#event_id": {"S": "…"}}}
    records = [
        {"dynamodb": {**change, "ApproximateCreationDateTime": n, "SequenceNumber": f"{n}"}}
        for n in range(5)
    ]
    dead_letters.keep(records=records)
    dead_letters.keep(records=records[:2])

    first = dead_letters.listing(limit=3)
    rest = dead_letters.listing(limit=3, position=first.next)

    numbers = [row.letter_id.partition("#")[2] for row in first.rows + rest.rows]
    assert numbers == ["4", "3", "2", "1", "0"]
    assert rest.next is None


def test_the_local_stream_keeps_what_it_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_stream, "_PAUSE", 0.01)
    kept = threading.Event()
    tries: list[int] = []

    def handler(batch: Mapping[str, Any]) -> dict[str, Any]:
        tries.append(len(batch["Records"]))
        numbers = [
            record["dynamodb"]["SequenceNumber"]
            for record in batch["Records"]
            if record["dynamodb"]["Keys"]["user_id"]["S"] == "bad"
        ]
        return {"batchItemFailures": [{"itemIdentifier": number} for number in numbers]}

    def give_up(records: Any) -> None:
        dead_letters.keep(records=records)
        kept.set()

    poller = StreamPoller(stream(), handler, give_up=give_up)
    poller.start()
    try:
        events.record(events=[event("bad", "tea"), event("ann", "tea")])
        assert kept.wait(20)
    finally:
        poller.stop()

    assert keys() == [key_of(event("bad"))]
    assert len(tries) >= 5


def test_what_lambda_gives_up_is_collected_from_its_queue() -> None:
    client = boto3.client("dynamodbstreams")
    (shard,) = client.describe_stream(StreamArn=stream())["StreamDescription"]["Shards"]
    sent = [event("ann", "tea", event_id=f"e-{n}") for n in range(3)]
    iterator = client.get_shard_iterator(
        StreamArn=stream(), ShardId=shard["ShardId"], ShardIteratorType="LATEST"
    )["ShardIterator"]
    for one in sent:
        events.record(events=[one])
    records = client.get_records(ShardIterator=iterator)["Records"]
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    queue = boto3.client("sqs")
    url = queue.create_queue(QueueName="tests-stream-failures")["QueueUrl"]
    part = {
        "streamArn": stream(),
        "shardId": shard["ShardId"],
        "startSequenceNumber": numbers[0],
        "endSequenceNumber": numbers[1],
        "approximateArrivalOfFirstRecord": "2026-11-22T00:00:00Z",
    }
    gone = {**part, "streamArn": stream() + "0", "startSequenceNumber": "7"}
    for info in (part, gone):
        queue.send_message(QueueUrl=url, MessageBody=json.dumps({"DDBStreamBatchInfo": info}))

    with override_settings(FAILURE_QUEUE="tests-stream-failures"):
        assert dead_letters.collect() == 3
        assert dead_letters.collect() == 0
    queue.delete_queue(QueueUrl=url)

    assert sorted(key for key in keys() if key) == [key_of(sent[0]), key_of(sent[1])]
    (lost,) = [row for row in dead_letters.listing(limit=10).rows if row.key is None]
    assert "rebuild" in lost.reason
    assert not dead_letters.retry(letter_id=lost.letter_id)


def test_without_a_queue_there_is_nothing_to_collect() -> None:
    assert dead_letters.collect() == 0


def test_all_letters_are_tried_again_and_those_that_fail_stay() -> None:
    stored = event("ann", "e1")
    events.record(events=[stored])
    actor, moment = key_of(stored)
    whole = {"Keys": {"user_id": {"S": actor}, "timestamp#event_id": {"S": moment}}}
    dead_letters.keep(
        records=[
            {"dynamodb": {**whole, "ApproximateCreationDateTime": 1, "SequenceNumber": "1"}},
            {"dynamodb": {"ApproximateCreationDateTime": 2, "SequenceNumber": "2"}},
        ]
    )

    done, left = dead_letters.retry_all()

    assert done == 1
    assert [letter.key for letter in left] == [None]
    assert keys() == [None]
