"""An SNS topic that a test listens to."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import boto3

Take = Callable[[], list[dict[str, str]]]


@contextmanager
def listening(name: str) -> Iterator[Take]:
    """Make a topic, and give a function that takes what was said there."""
    notifications, queues = boto3.client("sns"), boto3.client("sqs")
    topic = notifications.create_topic(Name=name)["TopicArn"]
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    found = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    endpoint = found["Attributes"]["QueueArn"]
    notifications.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=endpoint)

    def take() -> list[dict[str, str]]:
        answer = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        messages = answer.get("Messages", [])
        for message in messages:
            queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    yield take
    queues.delete_queue(QueueUrl=url)
    notifications.delete_topic(TopicArn=topic)
