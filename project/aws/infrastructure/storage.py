"""Buckets, the queue of what the stream function has given up, and the logs."""

from collections.abc import Mapping
from typing import Any

from project.aws.exports import KEPT_DAYS
from project.aws.stages import Deployment
from project.aws.stream import QUEUE_SECONDS, failure_queue


def resources(deployment: Deployment) -> dict[str, Any]:
    """Return the buckets with their policies, the queue, and a log group for each function."""
    found: dict[str, Any] = {
        "FailureQueue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": failure_queue(deployment.stream),
                "MessageRetentionPeriod": QUEUE_SECONDS,
                "SqsManagedSseEnabled": True,
            },
        }
    }
    # Zappa's own files begin with the name of the function. Packages of releases stay for as long
    # as the release does.
    kept = {"exports": KEPT_DAYS, "deployments": {f"{deployment.stack}-": 30}}
    for purpose, name in deployment.buckets.items():
        title = f"{purpose.capitalize()}Bucket"
        found[title] = _bucket(name, kept[purpose])
        if deployment.api.environment.get("INSECURE_HTTP") != "true":
            found[f"{title}Policy"] = _only_by_tls(title)
    for role, stage in deployment.stages.items():
        found[f"{role.capitalize()}Logs"] = {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "LogGroupName": stage.log_group,
                "RetentionInDays": stage.log_days,
            },
        }
    return found


def _bucket(name: str, kept_days: Mapping[str, int]) -> dict[str, Any]:
    return {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "BucketName": name,
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                ]
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": prefix.strip("/-"),
                        "Status": "Enabled",
                        "ExpirationInDays": days,
                        "Prefix": prefix,
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                    }
                    for prefix, days in kept_days.items()
                ]
            },
        },
    }


def _only_by_tls(bucket: str) -> dict[str, Any]:
    arn = {"Fn::GetAtt": [bucket, "Arn"]}
    return {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": {"Ref": bucket},
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "OnlyByTls",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [arn, {"Fn::Join": ["/", [arn, "*"]]}],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            },
        },
    }
