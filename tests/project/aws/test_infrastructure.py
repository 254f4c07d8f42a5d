"""The stack that is generated from the models and the settings."""

import json
from typing import Any

import pytest
from cfnlint import api as cfnlint
from cfnlint.config import ManualArgs
from django.conf import settings

from core.dynamodb.tables import registered, table_name, ttl_attribute
from project.aws.infrastructure import template
from project.aws.infrastructure.tables import logical_id
from project.aws.stack import MAX_TEMPLATE_BYTES
from project.aws.stages import Deployment, load_deployment

# An inline policy of a role may have no more characters, all policies together.
MAX_POLICY = 10_240


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Deployment:
    found = load_deployment("production")
    names = ("FAILURE_QUEUE", "JOBS_FUNCTION", "NOTIFICATION_TOPIC", "TRAINING_STATE_MACHINE")
    for name in names:
        monkeypatch.setattr(settings, name, found.api.environment[name])
    monkeypatch.setattr(settings, "EXPORT_BUCKET", "shop-production-exports")
    monkeypatch.setitem(settings.DYNAMODB, "DELETION_PROTECTION", True)  # noqa: FBT003
    return found


@pytest.fixture
def resources(deployment: Deployment) -> dict[str, Any]:
    found: dict[str, Any] = template(deployment)["Resources"]
    return found


def by_kind(resources: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == kind
    }


def test_cloudformation_accepts_the_template(deployment: Deployment) -> None:
    text = json.dumps(template(deployment), separators=(",", ":"))
    assert len(text) < MAX_TEMPLATE_BYTES * 0.94
    # The names of buckets are left to whoever deploys.
    text = text.replace("CHANGE-ME-", "")
    found = cfnlint.lint(text, config=ManualArgs(regions=[deployment.region]))
    assert [f"{match.rule.id} {match.message}" for match in found] == []


def test_models_and_stack_agree(resources: dict[str, Any]) -> None:
    tables = by_kind(resources, "AWS::DynamoDB::Table")
    assert tables.keys() == {logical_id(name) for name in registered()}
    for name, model in registered().items():
        table = tables[logical_id(name)]
        # PynamoDB's own view of the model, which the template is not made from.
        schema = model._get_schema()
        assert table["TableName"] == model.Meta.table_name
        assert types(table["AttributeDefinitions"]) == types(schema["attribute_definitions"])
        assert keys(table["KeySchema"]) == keys(schema["key_schema"])
        indexes = {index["IndexName"]: index for index in table.get("GlobalSecondaryIndexes", [])}
        wanted = {index["index_name"]: index for index in schema["global_secondary_indexes"]}
        assert indexes.keys() == wanted.keys()
        for index_name, index in indexes.items():
            assert keys(index["KeySchema"]) == keys(wanted[index_name]["key_schema"])
            projection = wanted[index_name]["projection"]
            assert index["Projection"]["ProjectionType"] == projection["ProjectionType"]
            assert index["Projection"].get("NonKeyAttributes") == projection.get("NonKeyAttributes")
        assert table.get("StreamSpecification", {}).get("StreamViewType") == (
            model.Meta.stream_view_type
        )
        assert table.get("TimeToLiveSpecification", {}).get("AttributeName") == ttl_attribute(model)


def types(parts: list[dict[str, str]]) -> dict[str, str]:
    return {part["AttributeName"]: part["AttributeType"] for part in parts}


def keys(parts: list[dict[str, str]]) -> dict[str, str]:
    return {part["AttributeName"]: part["KeyType"] for part in parts}


def test_every_table_can_be_restored_and_is_kept_encrypted(resources: dict[str, Any]) -> None:
    for name, properties in by_kind(resources, "AWS::DynamoDB::Table").items():
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], name
        assert properties["SSESpecification"]["SSEEnabled"], name
        assert properties["DeletionProtectionEnabled"], name
        assert properties["BillingMode"] == "PAY_PER_REQUEST", name
        assert resources[name]["DeletionPolicy"] == "RetainExceptOnCreate", name
        assert resources[name]["UpdateReplacePolicy"] == "Retain", name


def test_tables_are_made_after_what_may_fail_for_its_name(resources: dict[str, Any]) -> None:
    waits = resources[logical_id(table_name("events"))]["DependsOn"]
    assert {"ApiRole", "ApiLogs", "ExportsBucket", "DeploymentsBucket"} <= set(waits)


def test_buckets_are_private_encrypted_and_emptied(resources: dict[str, Any]) -> None:
    buckets = by_kind(resources, "AWS::S3::Bucket")
    assert buckets.keys() == {"DeploymentsBucket", "ExportsBucket"}
    for properties in buckets.values():
        assert all(properties["PublicAccessBlockConfiguration"].values())
        assert properties["BucketEncryption"]
        rules = properties["LifecycleConfiguration"]["Rules"]
        assert all(rule["ExpirationInDays"] <= 30 and rule["Prefix"] for rule in rules)
    refusing = [
        policy["Bucket"]["Ref"] for policy in by_kind(resources, "AWS::S3::BucketPolicy").values()
    ]
    assert set(refusing) == buckets.keys()


def test_each_function_has_a_role_and_logs_that_end(
    resources: dict[str, Any], deployment: Deployment
) -> None:
    roles = by_kind(resources, "AWS::IAM::Role")
    groups = {
        group["LogGroupName"]: group["RetentionInDays"]
        for group in by_kind(resources, "AWS::Logs::LogGroup").values()
    }
    for stage in deployment.stages.values():
        assert groups[f"/aws/lambda/{stage.function}"] == 30
    for role in roles.values():
        text = "".join(json.dumps(part["PolicyDocument"]) for part in role["Policies"])
        assert len("".join(text.split())) <= MAX_POLICY


@pytest.mark.parametrize(
    ("namespace", "metric", "role"),
    [
        *(("AWS/Lambda", "Errors", role) for role in ("api", "stream", "jobs")),
        *(("AWS/Lambda", "Throttles", role) for role in ("api", "stream", "jobs")),
        ("AWS/Lambda", "IteratorAge", "stream"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", None),
        ("Alsobought", "ServerErrors", "api"),
    ],
)
def test_somebody_is_told(
    namespace: str, metric: str, role: str | None, resources: dict[str, Any]
) -> None:
    found = [
        alarm
        for alarm in by_kind(resources, "AWS::CloudWatch::Alarm").values()
        if (alarm["Namespace"], alarm["MetricName"]) == (namespace, metric)
        and (role is None or alarm["Dimensions"][0]["Value"] == f"alsobought-production-{role}")
    ]
    assert len(found) == 1
    assert found[0]["AlarmActions"] == [{"Ref": "AlarmTopic"}]


@pytest.mark.parametrize("metric", ["ExecutionsFailed", "ExecutionsTimedOut"])
def test_somebody_is_told_of_a_training_in_steps_that_did_not_end_well(
    metric: str, resources: dict[str, Any], deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(resources: dict[str, Any]) -> list[dict[str, Any]]:
        alarms = by_kind(resources, "AWS::CloudWatch::Alarm").values()
        return [alarm for alarm in alarms if alarm["MetricName"] == metric]

    (alarm,) = found(resources)
    assert (alarm["Namespace"], alarm["Statistic"], alarm["Threshold"]) == ("AWS/States", "Sum", 1)
    (machine,) = by_kind(resources, "AWS::StepFunctions::StateMachine")
    assert alarm["Dimensions"] == [{"Name": "StateMachineArn", "Value": {"Ref": machine}}]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]

    monkeypatch.setattr(settings, "TRAINING_STATE_MACHINE", "")
    assert found(template(deployment)["Resources"]) == []


def test_the_stages_of_a_deployment_share_queue_and_buckets(deployment: Deployment) -> None:
    resources = template(deployment)["Resources"]
    queue = resources["FailureQueue"]["Properties"]
    assert queue["QueueName"] == deployment.stream.environment["FAILURE_QUEUE"]
    assert queue["SqsManagedSseEnabled"] is True
    assert (
        resources["ExportsBucket"]["Properties"]["BucketName"]
        == (deployment.api.environment["EXPORT_BUCKET"])
    )
