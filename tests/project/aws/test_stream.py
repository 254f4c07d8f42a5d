from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from project.aws import iam, stream
from project.aws.stages import ALIAS, Stage

STAGE = Stage(
    name="tests",
    project="alsobought",
    region="eu-west-1",
    roles=frozenset({"api", "stream", "jobs"}),
    environment={"SECRET_KEY_PARAMETER": "/alsobought/tests/secret-key"},
)
CODE = b"""PK\x05\x06""" + b"\0" * 18


@pytest.fixture
def function(dynamodb: None) -> Iterator[Any]:
    """Yield a Lambda client and have the stage's function there, though it does nothing."""
    client = boto3.client("lambda", region_name=STAGE.region)
    client.create_function(
        FunctionName=STAGE.function,
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/tests",
        Handler="nothing.handler",
        Code={"ZipFile": CODE},
    )
    version = client.publish_version(FunctionName=STAGE.function)["Version"]
    client.create_alias(FunctionName=STAGE.function, Name=ALIAS, FunctionVersion=version)
    queue = boto3.client("sqs", region_name=STAGE.region)
    address = queue.create_queue(QueueName=stream.failure_queue(STAGE))["QueueUrl"]
    yield client
    queue.delete_queue(QueueUrl=address)
    list(stream.disconnect(STAGE))
    client.delete_function(FunctionName=STAGE.function)


def test_connecting_creates_a_mapping_with_all_limits(function: Any) -> None:
    (mapping,) = stream.connect(STAGE)
    assert mapping.healthy
    found = function.get_event_source_mapping(UUID=mapping.identifier)
    assert found["StartingPosition"] == "TRIM_HORIZON"
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["BisectBatchOnFunctionError"] is True
    assert 0 < found["MaximumRetryAttempts"] < 100
    assert 0 < found["MaximumRecordAgeInSeconds"] <= 24 * 3600
    target = found["DestinationConfig"]["OnFailure"]["Destination"]
    assert target.endswith(":alsobought-tests-stream-failures")
    # The mapping calls the release that serves, whichever that is.
    assert found["FunctionArn"].endswith(f":{STAGE.live_function}")


def test_connecting_again_changes_nothing(function: Any) -> None:
    (first,) = stream.connect(STAGE)
    (second,) = stream.connect(STAGE)
    assert second.identifier == first.identifier
    mappings = function.list_event_source_mappings(FunctionName=STAGE.live_function)
    assert len(mappings["EventSourceMappings"]) == 1


def test_a_mapping_that_somebody_changed_is_seen_and_mended(function: Any) -> None:
    (mapping,) = stream.connect(STAGE)
    function.update_event_source_mapping(UUID=mapping.identifier, MaximumRetryAttempts=1)
    (found,) = stream.inspect(STAGE)
    assert found.wrong == ("MaximumRetryAttempts",)
    assert not found.healthy
    (mended,) = stream.connect(STAGE)
    assert mended.healthy
    assert mended.identifier == mapping.identifier


def test_a_mapping_that_was_switched_off_is_switched_on(function: Any) -> None:
    (mapping,) = stream.connect(STAGE)
    function.update_event_source_mapping(UUID=mapping.identifier, Enabled=False)
    assert not next(stream.inspect(STAGE)).healthy
    (mended,) = stream.connect(STAGE)
    assert mended.healthy


def test_a_mapping_to_a_table_that_was_replaced_goes(function: Any) -> None:
    (mapping,) = stream.connect(STAGE)
    table = boto3.client("dynamodb").create_table(
        TableName="replaced-events",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    function.create_event_source_mapping(
        FunctionName=STAGE.live_function,
        EventSourceArn=table["LatestStreamArn"],
        StartingPosition="LATEST",
    )
    list(stream.connect(STAGE))
    boto3.client("dynamodb").delete_table(TableName="replaced-events")
    (left,) = function.list_event_source_mappings(FunctionName=STAGE.live_function)[
        "EventSourceMappings"
    ]
    assert left["UUID"] == mapping.identifier


def test_a_mapping_that_is_not_there_is_missing(function: Any) -> None:
    (found,) = stream.inspect(STAGE)
    assert found.state == "MISSING"
    assert not found.healthy
    list(stream.connect(STAGE))
    assert list(stream.disconnect(STAGE)) == [found.table]
    assert list(stream.disconnect(STAGE)) == []


def test_only_the_stream_function_follows_streams() -> None:
    def sids(*roles: str) -> set[str]:
        stage = Stage(
            name="tests", project="alsobought", region="eu-west-1", roles=frozenset(roles)
        )
        return {part["Sid"] for part in iam.policy(stage, account="1" * 12)["Statement"]}

    only = {"Streams", "ListStreams", "StreamFailures"}
    assert only <= sids("stream")
    assert not only & sids("api", "jobs")


def test_no_statement_allows_every_action_or_table() -> None:
    for statement in iam.policy(STAGE, account="1" * 12)["Statement"]:
        assert all("*" not in action for action in statement["Action"])
        if statement["Sid"] == "ListStreams":
            continue
        for resource in statement["Resource"]:
            assert resource.startswith("arn:aws:")
            assert ":111111111111:" in resource
            assert ":table/*" not in resource
