"""What each function may do, by its roles: named actions on the tables that it uses."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings

from core.dynamodb.tables import has_indexes, table_name
from project.aws.stages import Stage
from project.aws.stream import failure_queue, source_tables
from recommendations.exporting.s3 import PREFIX as EXPORTS
from recommendations.importing.s3 import PREFIX as IMPORTS
from recommendations.storage.artifacts import PREFIX as HANDED_ON

# CloudFormation puts the number in.
ACCOUNT = "${AWS::AccountId}"

READ = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
CHANGE = (
    *READ,
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)

# What each role does with which tables, by their short names; what is not named is refused.
# Only the API knows accounts, and only jobs scan.
TABLES: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "api": {
        "Change": (
            CHANGE,
            (
                "accounts",
                "dead_letters",
                "event_effects",
                "events",
                "item_stats",
                "item_terms",
                "items",
                "operations",
                "placement_stats",
                "profiles",
                "user_terms",
                "users",
            ),
        ),
        "Read": (("dynamodb:BatchGetItem",), ("lists", "neighbours")),
    },
    "stream": {
        "Change": (
            CHANGE,
            (
                "dead_letters",
                "event_effects",
                "item_stats",
                "item_terms",
                "items",
                "lists",
                "placement_stats",
                "profiles",
                "user_terms",
                "users",
            ),
        ),
        "Read": (READ, ("events", "neighbours", "operations")),
    },
    "jobs": {
        # About how many events are there?
        "Size": (("dynamodb:DescribeTable",), ("events",)),
        "Change": (
            CHANGE,
            ("dead_letters", "item_terms", "lists", "operations", "user_terms", "users"),
        ),
        # What a rebuild makes anew.
        "Rebuild": (
            (*CHANGE, "dynamodb:Scan"),
            ("event_effects", "item_stats", "placement_stats", "profiles"),
        ),
        # What a training reads and an import writes, and what the clean-up goes through.
        "Scan": (
            (
                "dynamodb:BatchGetItem",
                "dynamodb:Query",
                "dynamodb:BatchWriteItem",
                "dynamodb:PutItem",
                "dynamodb:Scan",
            ),
            ("events", "items", "neighbours"),
        ),
    },
}
QUEUE_ACTIONS = ("sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage")
STREAM_ACTIONS = (
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
)


def policy(stage: Stage, *, account: str = ACCOUNT) -> dict[str, Any]:
    """Return the policy document of a stage's function."""
    log_group = f"arn:aws:logs:{stage.region}:{account}:log-group:{stage.log_group}"
    statements = [
        *(part for role in sorted(stage.roles) for part in _tables(stage, account, role)),
        allow("LogStreams", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group}:*"]),
    ]
    parameter = stage.environment.get("SECRET_KEY_PARAMETER")
    if parameter:
        arn = f"arn:aws:ssm:{stage.region}:{account}:parameter/{parameter.lstrip('/')}"
        statements.append(allow("SecretKey", ["ssm:GetParameter"], [arn]))
    jobs = settings.JOBS_FUNCTION
    if jobs and "api" in stage.roles:
        arn = f"arn:aws:lambda:{stage.region}:{account}:function:{jobs}"
        statements.append(allow("StartJobs", ["lambda:InvokeFunction"], [arn]))
    if settings.EXPORT_BUCKET:
        statements += _files(stage)
    statements += _training(stage, account)
    if "jobs" in stage.roles and settings.FAILURE_QUEUE:
        statements += _failures(stage, account)
    if "stream" in stage.roles:
        statements.append(_notes(stage, account))
        streams = _streams(stage, account)
        queue = f"arn:aws:sqs:{stage.region}:{account}:{failure_queue(stage)}"
        statements += [
            allow("Streams", STREAM_ACTIONS, streams),
            # The one action that DynamoDB offers no narrower resource for.
            allow("ListStreams", ["dynamodb:ListStreams"], ["*"]),
            allow("StreamFailures", ["sqs:SendMessage"], [queue]),
        ]
    return {"Version": "2012-10-17", "Statement": statements}


def _notes(stage: Stage, account: str) -> dict[str, Any]:
    """Return what the stream needs to note how far it is, and what it consumed; no other rows."""
    operations = [_table(stage, account, table_name("operations"))]
    rows = {"dynamodb:LeadingKeys": ["stream", "usage#*"]}
    return {
        **allow("StreamNotes", ["dynamodb:PutItem", "dynamodb:UpdateItem"], operations),
        "Condition": {"ForAllValues:StringLike": rows},
    }


def _files(stage: Stage) -> Iterator[dict[str, Any]]:
    """Jobs write exports, read imports and write what they reject.

    The API signs links to files, and forms that send one; they grant what it may do itself.
    """
    exports, imports = (
        f"arn:aws:s3:::{settings.EXPORT_BUCKET}/{prefix}*" for prefix in (EXPORTS, IMPORTS)
    )
    if "jobs" in stage.roles:
        yield from _handed_on()
        writing = ["s3:AbortMultipartUpload", "s3:PutObject"]
        yield allow("WriteFiles", writing, [exports, imports])
        yield allow("ReadImports", ["s3:GetObject"], [imports])
    if "api" in stage.roles:
        yield allow("LinkFiles", ["s3:GetObject"], [exports, imports])
        yield allow("UploadImports", ["s3:PutObject"], [imports])


def _handed_on() -> Iterator[dict[str, Any]]:
    """Let the steps of a training hand files on to each other, and jobs remove old ones."""
    bucket = f"arn:aws:s3:::{settings.EXPORT_BUCKET}"
    prefixes = [f"{prefix}*" for prefix in (EXPORTS, HANDED_ON, IMPORTS)]
    yield allow("HandOn", ["s3:GetObject", "s3:PutObject"], [f"{bucket}/{HANDED_ON}*"])
    yield allow("RemoveFiles", ["s3:DeleteObject"], [f"{bucket}/{prefix}" for prefix in prefixes])
    listing = allow("ListFiles", ["s3:ListBucket"], [bucket])
    yield {**listing, "Condition": {"StringLike": {"s3:prefix": prefixes}}}


def _training(stage: Stage, account: str) -> Iterator[dict[str, Any]]:
    """Start and stop the state machine that trains, and tell how it ended."""
    of = f"{stage.region}:{account}"
    machine, topic = settings.TRAINING_STATE_MACHINE, settings.NOTIFICATION_TOPIC
    if machine and stage.roles & {"api", "jobs"}:
        machines = [f"arn:aws:states:{of}:stateMachine:{machine}"]
        yield allow("StartTraining", ["states:StartExecution"], machines)
    if machine and "api" in stage.roles:
        executions = [f"arn:aws:states:{of}:execution:{machine}:*"]
        yield allow("StopTraining", ["states:StopExecution"], executions)
    if topic and "jobs" in stage.roles:
        yield allow("Notify", ["sns:Publish"], [f"arn:aws:sns:{of}:{topic}"])


def _failures(stage: Stage, account: str) -> list[dict[str, Any]]:
    """Return what it takes to look into the records that the stream function has given up."""
    queue = f"arn:aws:sqs:{stage.region}:{account}:{settings.FAILURE_QUEUE}"
    reading = ("dynamodb:GetRecords", "dynamodb:GetShardIterator")
    return [
        allow("FailedRecords", reading, _streams(stage, account)),
        allow("FailureQueue", QUEUE_ACTIONS, [queue]),
    ]


def _streams(stage: Stage, account: str) -> list[str]:
    return [f"{_table(stage, account, name)}/stream/*" for name in source_tables()]


def _tables(stage: Stage, account: str, role: str) -> Iterator[dict[str, Any]]:
    indexes: set[str] = set()
    for kind, (actions, short_names) in TABLES[role].items():
        names = [table_name(name) for name in short_names]
        tables = [_table(stage, account, name) for name in names]
        yield allow(f"{role.capitalize()}{kind}", actions, tables)
        indexes |= {
            f"{_table(stage, account, name)}/index/*" for name in names if has_indexes(name)
        }
    yield allow(f"{role.capitalize()}Indexes", ["dynamodb:Query"], sorted(indexes))


def _table(stage: Stage, account: str, name: str) -> str:
    return f"arn:aws:dynamodb:{stage.region}:{account}:table/{name}"


def allow(sid: str, actions: Any, resources: list[str]) -> dict[str, Any]:
    """Return a statement that allows actions on resources."""
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resources}
