"""The event source mapping: which DynamoDB stream calls which function, and what if it fails.

Zappa can create one but sends neither a starting position nor any of the limits below; without
them AWS refuses the mapping, or one bad record holds up its shard for a day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3

from core.dynamodb.tables import registered, status
from project.aws.stages import Stage, StageError

# TRIM_HORIZON, not LATEST: what customers did between the creation of the table and that of the
# mapping is handled too. Handling a record twice changes nothing, so a mapping that is made anew
# may safely start over.
STARTING_POSITION = "TRIM_HORIZON"
OPTIONS: dict[str, Any] = {
    "BatchSize": 100,
    # Long enough to gather a burst, short enough for lists that follow within five seconds.
    "MaximumBatchingWindowInSeconds": 1,
    "ParallelizationFactor": 2,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "BisectBatchOnFunctionError": True,
    "MaximumRetryAttempts": 8,
    "MaximumRecordAgeInSeconds": 6 * 3600,
}
QUEUE_SECONDS = 14 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """What AWS says of one mapping; ``wrong`` names the options that are not as they should be."""

    table: str
    identifier: str | None
    state: str
    last_result: str = ""
    wrong: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        return self.state in {"Enabled", "Creating", "Enabling", "Updating"} and not self.wrong


def source_tables() -> list[str]:
    """Return the full names of the tables whose streams call a function."""
    return [name for name, model in registered().items() if model.Meta.stream_view_type]


def failure_queue(stage: Stage) -> str:
    """Return the name of the queue that learns of batches given up on."""
    return stage.environment.get("FAILURE_QUEUE") or f"{stage.function}-stream-failures"


def connect(stage: Stage) -> Iterator[Mapping]:
    """Create the mappings that are missing and correct those that differ; yield each.

    Those of tables that are not this deployment's any more, since others were restored in their
    place, are deleted.

    Raises
    ------
    StageError
        When a table or its stream does not exist.
    """
    client = boto3.client("lambda", region_name=stage.region)
    wanted = {**OPTIONS, "DestinationConfig": {"OnFailure": {"Destination": _queue_arn(stage)}}}
    streams = {table: _stream_arn(table) for table in source_tables()}
    for mapping in client.list_event_source_mappings(FunctionName=stage.live_function)[
        "EventSourceMappings"
    ]:
        if mapping["EventSourceArn"] not in streams.values():
            client.delete_event_source_mapping(UUID=mapping["UUID"])
    for table, stream in streams.items():
        found = _find(client, stage, stream)
        if found is None:
            client.create_event_source_mapping(
                FunctionName=stage.live_function,
                EventSourceArn=stream,
                StartingPosition=STARTING_POSITION,
                Enabled=True,
                **wanted,
            )
        elif _differences(found, wanted) or found["State"] in {"Disabled", "Disabling"}:
            client.update_event_source_mapping(UUID=found["UUID"], Enabled=True, **wanted)
        yield _describe(client, stage, table, wanted)


def inspect(stage: Stage) -> Iterator[Mapping]:
    """Yield the mapping of each table, as it is."""
    client = boto3.client("lambda", region_name=stage.region)
    for table in source_tables():
        yield _describe(client, stage, table, OPTIONS)


def disconnect(stage: Stage) -> Iterator[str]:
    """Delete the mappings; yield the table of each. What is in the streams stays for a day."""
    client = boto3.client("lambda", region_name=stage.region)
    for table in source_tables():
        found = _find(client, stage, _stream_arn(table))
        if found is not None:
            client.delete_event_source_mapping(UUID=found["UUID"])
            yield table


def _stream_arn(table: str) -> str:
    found = status(table).stream
    if not found:
        message = f"table {table} has no stream; run 'manage.py infrastructure <deployment>' first"
        raise StageError(message)
    return found


def _queue_arn(stage: Stage) -> str:
    client = boto3.client("sqs", region_name=stage.region)
    try:
        url = client.get_queue_url(QueueName=failure_queue(stage))["QueueUrl"]
    except client.exceptions.QueueDoesNotExist as error:
        message = (
            f"there is no queue {failure_queue(stage)}; run 'manage.py infrastructure "
            f"{stage.deployment}' first"
        )
        raise StageError(message) from error
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])


def _find(client: Any, stage: Stage, stream: str) -> dict[str, Any] | None:
    answer = client.list_event_source_mappings(
        FunctionName=stage.live_function, EventSourceArn=stream, MaxItems=100
    )
    mappings = [row for row in answer["EventSourceMappings"] if row["State"] != "Deleting"]
    return mappings[0] if mappings else None


def _differences(found: dict[str, Any], wanted: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(name for name, value in wanted.items() if found.get(name) != value))


def _describe(client: Any, stage: Stage, table: str, wanted: dict[str, Any]) -> Mapping:
    found = _find(client, stage, _stream_arn(table))
    if found is None:
        return Mapping(table=table, identifier=None, state="MISSING")
    return Mapping(
        table=table,
        identifier=found["UUID"],
        state=found["State"],
        last_result=found.get("LastProcessingResult", ""),
        wrong=_differences(found, wanted),
    )
