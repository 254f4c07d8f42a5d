"""Changing a stack, and refusing to when that could not end well."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest

from project.aws import clashes, stack
from project.aws.stages import ROLES, Deployment, Stage, StageError
from tests.deployment import eventually

REGION = "eu-west-1"


@dataclass(frozen=True)
class Shop:
    """A deployment of its own name, and a template that is small."""

    deployment: Deployment
    name: str

    def template(self, *more: str, **queue: Any) -> dict[str, Any]:
        resources: dict[str, Any] = {
            "Queue": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"QueueName": f"{self.name}-queue", **queue},
            },
            "Items": {
                "Type": "AWS::DynamoDB::Table",
                "DeletionPolicy": "RetainExceptOnCreate",
                "UpdateReplacePolicy": "Retain",
                "Properties": {"TableName": f"{self.name}-items", **TABLE},
            },
        }
        for bucket in more:
            resources["Bucket"] = {
                "Type": "AWS::S3::Bucket",
                "DeletionPolicy": "RetainExceptOnCreate",
                "Properties": {"BucketName": bucket},
            }
        return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}

    def broken(self) -> dict[str, Any]:
        """Return the same with an address for a function that does not exist."""
        url = {
            "Type": "AWS::Lambda::Url",
            "DependsOn": ["Queue", "Items"],
            "Properties": {"TargetFunctionArn": f"{self.name}-missing", "AuthType": "AWS_IAM"},
        }
        template = self.template()
        return {**template, "Resources": {**template["Resources"], "Address": url}}

    def make(self, template: dict[str, Any], *, adopt: bool = False) -> list[str]:
        proposed = stack.propose(self.deployment, template, adopt=adopt)
        assert proposed is not None
        return list(stack.apply(self.deployment, proposed))

    def clashes(self, template: dict[str, Any], *, adopt: bool = False) -> None:
        clashes.check(self.deployment, template, known=frozenset(), adopt=adopt)


TABLE = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "_POLL_SECONDS", 0.05)


@pytest.fixture
def shop() -> Iterator[Shop]:
    name = f"shop-{uuid.uuid4().hex[:8]}"
    stages = {
        role: Stage(name=f"test_{role}", project=name, region=REGION, roles=frozenset({role}))
        for role in ROLES
    }
    found = Shop(Deployment(name="test", stages=stages), name)
    yield found
    boto3.client("cloudformation").delete_stack(StackName=found.deployment.stack)


def tables() -> list[str]:
    names: list[str] = boto3.client("dynamodb").list_tables()["TableNames"]
    return names


def test_changes_are_shown_before_they_are_made(shop: Shop) -> None:
    proposed = stack.propose(shop.deployment, shop.template(), adopt=False)
    assert proposed is not None
    assert proposed.creates
    assert sorted(map(str, proposed.changes)) == [
        f"  + DynamoDB::Table                {shop.name}-items",
        f"  + SQS::Queue                     {shop.name}-queue",
    ]
    assert f"{shop.name}-items" not in tables()

    stack.discard(shop.deployment, proposed)
    assert stack.status(shop.deployment) == ""


def test_a_stack_is_created_changed_and_left_alone(shop: Shop) -> None:
    lines = shop.make(shop.template())
    assert any("CREATE_COMPLETE" in line and f"{shop.name}-items" in line for line in lines)
    assert stack.deployed_template(shop.deployment) == shop.template()
    stack.check(shop.deployment)

    assert stack.propose(shop.deployment, shop.template(), adopt=False) is None

    changed = shop.template(VisibilityTimeout=60)
    proposed = stack.propose(shop.deployment, changed, adopt=False)
    assert proposed is not None
    assert not proposed.creates
    (change,) = proposed.changes
    assert (change.action, change.kind) == ("Modify", "SQS::Queue")
    list(stack.apply(shop.deployment, proposed))
    assert stack.deployed_template(shop.deployment) == changed


def test_a_stack_that_could_not_be_created_leaves_nothing_and_says_why(shop: Shop) -> None:
    template = shop.broken()
    with pytest.raises(StageError, match=r"could not be changed.*Address"):
        shop.make(template)
    assert f"{shop.name}-items" not in tables()
    assert stack.status(shop.deployment) in {"", "ROLLBACK_COMPLETE", "DELETE_COMPLETE"}


def test_a_half_applied_stack_stops_and_says_how_to_go_on(shop: Shop) -> None:
    client = boto3.client("cloudformation")
    client.create_stack(
        StackName=shop.deployment.stack,
        TemplateBody=json.dumps(shop.broken()),
        Tags=[{"Key": "alsobought:deployment", "Value": "test"}],
    )
    eventually(lambda: not stack.status(shop.deployment).endswith("IN_PROGRESS"), seconds=20)
    with pytest.raises(StageError, match=r"ROLLBACK_COMPLETE.*delete it.*delete-stack --region"):
        stack.check(shop.deployment)


def test_somebody_elses_stack_is_not_touched(shop: Shop) -> None:
    shop.make(shop.template())
    other = replace(shop.deployment, name="other")
    assert other.stack != shop.deployment.stack
    stages = {
        role: replace(stage, project=f"{shop.name}-test") for role, stage in other.stages.items()
    }
    stolen = Deployment(name="", stages=stages)
    assert stolen.stack == shop.deployment.stack
    with pytest.raises(StageError, match=r"is not ours.*`project_name`"):
        stack.check(stolen)


def test_a_name_that_is_taken_is_told_before_anything_changes(shop: Shop) -> None:
    boto3.client("dynamodb").create_table(TableName=f"{shop.name}-items", **TABLE)
    boto3.client("sqs").create_queue(QueueName=f"{shop.name}-queue")
    with pytest.raises(StageError) as caught:
        shop.clashes(shop.template())
    text = str(caught.value)
    assert f"DynamoDB::Table {shop.name}-items exists outside the stack; --adopt" in text
    assert f"SQS::Queue {shop.name}-queue exists outside the stack; delete it" in text
    # A queue cannot be taken over, whatever is asked for.
    with pytest.raises(StageError, match="queue") as caught:
        shop.clashes(shop.template(), adopt=True)
    assert "items" not in str(caught.value)


def test_a_table_that_is_there_can_be_adopted_with_what_is_in_it(shop: Shop) -> None:
    dynamodb = boto3.client("dynamodb")
    name = f"{shop.name}-items"
    dynamodb.create_table(TableName=name, **TABLE)
    dynamodb.put_item(TableName=name, Item={"pk": {"S": "kept"}})
    shop.clashes(shop.template(), adopt=True)

    proposed = stack.propose(shop.deployment, shop.template(), adopt=True)
    assert proposed is not None
    assert f"  < DynamoDB::Table                {name}" in map(str, proposed.changes)
    list(stack.apply(shop.deployment, proposed))

    assert dynamodb.scan(TableName=name)["Count"] == 1
    resources = boto3.client("cloudformation").describe_stack_resources(
        StackName=shop.deployment.stack
    )["StackResources"]
    assert name in {resource["PhysicalResourceId"] for resource in resources}


def test_a_bucket_of_another_region_is_told(shop: Shop) -> None:
    bucket = f"{shop.name}-far"
    boto3.client("s3", region_name="us-west-2").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    with pytest.raises(StageError, match=f"{bucket} is in us-west-2 and not in {REGION}"):
        shop.clashes(shop.template(bucket), adopt=True)


def test_a_template_that_is_too_long_is_refused(shop: Shop) -> None:
    template = {**shop.template(), "Description": "x" * stack.MAX_TEMPLATE_BYTES}
    with pytest.raises(StageError, match="CloudFormation takes 51200"):
        stack.propose(shop.deployment, template, adopt=False)
