"""What wakes somebody up: alarms on functions, stream, queue, failed jobs and failed trainings.

docs/operations.md says for each what to do.
"""

from collections.abc import Iterator
from typing import Any

from project.aws.infrastructure import training
from project.aws.stages import Deployment, Stage
from project.aws.stream import failure_queue

TOPIC = "AlarmTopic"
MINUTE = 60
# A share of the six hours after which a record is given up, and far above what is usual.
STREAM_AGE_MS = 10 * MINUTE * 1000


def resources(deployment: Deployment) -> dict[str, Any]:
    """Return the alarms and the topic that they go to."""
    return {
        TOPIC: _topic(deployment),
        **{
            f"{name}Alarm": _alarm(deployment, name, **details)
            for name, details in (*_alarms(deployment), *_of_trainings())
        },
    }


def _alarms(deployment: Deployment) -> Iterator[tuple[str, dict[str, Any]]]:
    for role, stage in deployment.stages.items():
        title = role.capitalize()
        # Alarm about jobs at the first failure: each is recorded, and the next run is a day away.
        failures = 1 if role == "jobs" else 5
        reason = "a job failed" if role == "jobs" else "the function raised or ran out of time"
        yield (
            "JobFailed" if role == "jobs" else f"{title}Errors",
            {"about": reason, "limit": failures, **_of(stage, "Errors")},
        )
        yield (
            f"{title}Throttles",
            {
                "about": "calls were refused, since too many ran at once",
                "limit": 1,
                **_of(stage, "Throttles"),
            },
        )
    # The functions' own default, see the settings.
    metrics = deployment.api.environment.get("METRICS_NAMESPACE", "Alsobought")
    if metrics:
        # An answer of 500 is no error of the function; `project.metrics` counts it.
        yield (
            "ServerErrors",
            {
                "about": "requests were answered with 500 or above",
                "limit": 5,
                "namespace": metrics,
                "metric": "ServerErrors",
                "dimensions": {"Function": deployment.api.function},
            },
        )
    yield (
        "StreamAge",
        {
            "about": "lists lag ten minutes behind what customers do",
            "limit": STREAM_AGE_MS,
            "statistic": "Maximum",
            **_of(deployment.stream, "IteratorAge"),
        },
    )
    yield (
        "FailureQueueDepth",
        {
            "about": "records were given up and the job `collect` has not fetched them",
            "limit": 1,
            "statistic": "Minimum",
            # `collect` comes every fifteen minutes.
            "periods": 6,
            "namespace": "AWS/SQS",
            "metric": "ApproximateNumberOfMessagesVisible",
            "dimensions": {"QueueName": failure_queue(deployment.stream)},
        },
    )


def _of_trainings() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield those of the state machine; a run that somebody has stopped is no reason for one."""
    for name, metric, reason in (
        ("TrainingFailed", "ExecutionsFailed", "a step of a training failed for good"),
        ("TrainingTimedOut", "ExecutionsTimedOut", "a training in steps ran out of time"),
    ):
        if training.exists():
            yield (
                name,
                {
                    "about": reason,
                    "limit": 1,
                    "namespace": "AWS/States",
                    "metric": metric,
                    "dimensions": {"StateMachineArn": {"Ref": training.MACHINE}},
                },
            )


def _of(stage: Stage, metric: str) -> dict[str, Any]:
    return {
        "namespace": "AWS/Lambda",
        "metric": metric,
        "dimensions": {"FunctionName": stage.function},
    }


def _alarm(
    deployment: Deployment,
    name: str,
    *,
    about: str,
    limit: int,
    namespace: str,
    metric: str,
    dimensions: dict[str, Any],
    statistic: str = "Sum",
    periods: int = 1,
) -> dict[str, Any]:
    properties = {
        "AlarmName": f"{deployment.stack}-{name}",
        "AlarmDescription": f"Alsobought {deployment.name}: {about}. See docs/operations.md.",
        "Namespace": namespace,
        "MetricName": metric,
        "Statistic": statistic,
        "Period": 5 * MINUTE,
        "EvaluationPeriods": periods,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": limit,
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Ref": TOPIC}],
        "OKActions": [{"Ref": TOPIC}],
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def _topic(deployment: Deployment) -> dict[str, Any]:
    # Not encrypted: CloudWatch may not use the key that SNS offers, and an alarm tells no secret.
    properties: dict[str, Any] = {"TopicName": deployment.alarm_topic}
    if deployment.api.alarm_email:
        properties["Subscription"] = [{"Protocol": "email", "Endpoint": deployment.api.alarm_email}]
    return {"Type": "AWS::SNS::Topic", "Properties": properties}
