"""Whether something of another's has a name that the stack wants to give."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.exceptions import ClientError

from project.aws.stages import Deployment, StageError

# What CloudFormation can take over instead: these are kept when the stack goes.
ADOPTABLE = frozenset({"AWS::DynamoDB::Table", "AWS::Logs::LogGroup", "AWS::S3::Bucket"})


def check(
    deployment: Deployment,
    template: dict[str, Any],
    *,
    known: frozenset[str],
    adopt: bool,
) -> None:
    """Refuse names that are taken.

    Parameters
    ----------
    known
        The logical ids that the stack has already.
    adopt
        Whether tables, buckets and log groups of this account are taken over.

    Raises
    ------
    StageError
        With a line for each name, and what to do.
    """
    lines = list(_clashes(deployment, template, known=known, adopt=adopt))
    if lines:
        raise StageError("\n".join(["these names are taken:", *lines]))


def _clashes(
    deployment: Deployment, template: dict[str, Any], *, known: frozenset[str], adopt: bool
) -> Iterator[str]:
    for logical, resource in template["Resources"].items():
        kind = resource["Type"]
        if kind not in _LOOK_UP:
            continue
        key, look_up = _LOOK_UP[kind]
        name = resource["Properties"][key]
        if kind == "AWS::S3::Bucket":
            problem = _bucket(name, deployment.region)
            if problem:
                yield problem
                continue
        if logical in known or (adopt and kind in ADOPTABLE):
            continue
        if look_up(name, deployment.region):
            remedy = (
                "--adopt takes it into the stack as it is"
                if kind in ADOPTABLE
                else "delete it if nothing needs it, or choose another `project_name`"
            )
            yield f"{kind.removeprefix('AWS::')} {name} exists outside the stack; {remedy}"


def _bucket(name: str, region: str) -> str:
    """Return what is wrong with a bucket that is there."""
    try:
        answer = boto3.client("s3", region_name=region).head_bucket(Bucket=name)
        status = 200
    except ClientError as error:
        answer = error.response
        status = answer["ResponseMetadata"].get("HTTPStatusCode", 0)
        if status not in {301, 403, 404}:
            raise
    if status == 404:
        return ""
    if status == 403:
        return f"S3::Bucket {name} is somebody else's; choose another name for it"
    headers = answer["ResponseMetadata"].get("HTTPHeaders", {})
    found = answer.get("BucketRegion") or headers.get("x-amz-bucket-region") or region
    if found != region:
        return f"S3::Bucket {name} is in {found} and not in {region}; choose another name for it"
    return ""


def _found(service: str, operation: str, key: str) -> Callable[[str, str], bool]:
    """Return a look-up by an operation that fails when there is nothing of that name."""

    def look_up(name: str, region: str) -> bool:
        client = boto3.client(service, region_name=region)
        try:
            getattr(client, operation)(**{key: name})
        except ClientError as error:
            if error.response["ResponseMetadata"].get("HTTPStatusCode") == 404:
                return False
            if error.response["Error"]["Code"] in _ABSENT:
                return False
            raise
        return True

    return look_up


def _log_group(name: str, region: str) -> bool:
    client = boto3.client("logs", region_name=region)
    groups = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return any(group["logGroupName"] == name for group in groups)


def _alarm(name: str, region: str) -> bool:
    client = boto3.client("cloudwatch", region_name=region)
    return bool(client.describe_alarms(AlarmNames=[name])["MetricAlarms"])


def _topic(name: str, region: str) -> bool:
    pages = boto3.client("sns", region_name=region).get_paginator("list_topics").paginate()
    return any(topic["TopicArn"].endswith(f":{name}") for page in pages for topic in page["Topics"])


def _state_machine(name: str, region: str) -> bool:
    client = boto3.client("stepfunctions", region_name=region)
    pages = client.get_paginator("list_state_machines").paginate()
    return any(machine["name"] == name for page in pages for machine in page["stateMachines"])


_ABSENT = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchEntity",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)
_LOOK_UP: dict[str, tuple[str, Callable[[str, str], bool]]] = {
    "AWS::CloudWatch::Alarm": ("AlarmName", _alarm),
    "AWS::DynamoDB::Table": ("TableName", _found("dynamodb", "describe_table", "TableName")),
    "AWS::IAM::Role": ("RoleName", _found("iam", "get_role", "RoleName")),
    "AWS::Logs::LogGroup": ("LogGroupName", _log_group),
    "AWS::S3::Bucket": ("BucketName", _found("s3", "head_bucket", "Bucket")),
    "AWS::SNS::Topic": ("TopicName", _topic),
    "AWS::SQS::Queue": ("QueueName", _found("sqs", "get_queue_url", "QueueName")),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", _state_machine),
}
