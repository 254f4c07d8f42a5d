"""What each function may do, derived from the tables it uses: named actions on named resources."""

from typing import Any

from django.conf import settings

from core.dynamodb.tables import registered
from project.aws.stages import Stage
from project.aws.stream import failure_queue, source_tables

TABLE_ACTIONS = (
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:DescribeTable",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
)
STREAM_ACTIONS = (
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
)


def policy(stage: Stage, *, account: str) -> dict[str, Any]:
    """Return the policy document of a stage's function."""
    tables = [_table(stage, account, name) for name in registered()]
    log_group = f"arn:aws:logs:{stage.region}:{account}:log-group:/aws/lambda/{stage.function}"
    statements = [
        _allow("Tables", TABLE_ACTIONS, [*tables, *(f"{table}/index/*" for table in tables)]),
        _allow("LogGroup", ["logs:CreateLogGroup"], [log_group]),
        _allow("LogStreams", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group}:*"]),
    ]
    parameter = stage.environment.get("SECRET_KEY_PARAMETER")
    if parameter:
        arn = f"arn:aws:ssm:{stage.region}:{account}:parameter/{parameter.lstrip('/')}"
        statements.append(_allow("SecretKey", ["ssm:GetParameter"], [arn]))
    jobs = settings.JOBS_FUNCTION
    if jobs:
        arn = f"arn:aws:lambda:{stage.region}:{account}:function:{jobs}"
        statements.append(_allow("StartJobs", ["lambda:InvokeFunction"], [arn]))
    if "stream" in stage.roles:
        streams = [f"{_table(stage, account, name)}/stream/*" for name in source_tables()]
        queue = f"arn:aws:sqs:{stage.region}:{account}:{failure_queue(stage)}"
        statements += [
            _allow("Streams", STREAM_ACTIONS, streams),
            # The one action that DynamoDB offers no narrower resource for.
            _allow("ListStreams", ["dynamodb:ListStreams"], ["*"]),
            _allow("StreamFailures", ["sqs:SendMessage"], [queue]),
        ]
    return {"Version": "2012-10-17", "Statement": statements}


def _table(stage: Stage, account: str, name: str) -> str:
    return f"arn:aws:dynamodb:{stage.region}:{account}:table/{name}"


def _allow(sid: str, actions: Any, resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resources}
