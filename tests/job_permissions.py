"""What each permission of the function that runs jobs is for: a job that fails without it."""

import itertools
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tests.deployment import Site, eventually
from tests.permissions import EVENTS, FUNCTION, ITEM, TABLE_ACTIONS, invoke, start_up

BUCKET = "alsobought-local-exports"
QUEUE = "alsobought-local-stream-failures"


class Jobs:
    """Jobs of a deployed shop; each tells whether it did all that it should."""

    def __init__(self, client: Callable[[str], Any], site: Site) -> None:
        self._lambda = client("lambda")
        self._s3 = client("s3")
        self._sqs = client("sqs")
        self._streams = client("dynamodbstreams")
        self._site = site
        self._numbers = itertools.count(int(time.time() * 1000))

    def _run(self, name: str, **event: Any) -> tuple[dict[str, Any], bool]:
        return invoke(
            self._lambda,
            f"{FUNCTION}jobs:live",
            {"command": f"recommendations.jobs.{name}", **event},
        )

    def run(self, name: str, **event: Any) -> bool:
        result, well = self._run(name, **event)
        return well and not result.get("broken")

    def start_up(self) -> bool:
        return start_up(self._lambda, "jobs")

    def export(self, kind: str) -> bool:
        return self.run("export", parameters={"kind": kind, "format": "csv"})

    def import_(self, kind: str, *lines: str) -> bool:
        """Import a file of new rows."""
        number = next(self._numbers)
        key = f"imports/{number}/rows.csv"
        text = "\n".join(lines).format(number)
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=f"{text}\n".encode())
        parameters = {"key": key, "kind": kind, "format": "csv"}
        result, well = self._run("import_", parameters=parameters)
        return well and bool(result["stored"])

    def import_events(self) -> bool:
        return self.import_(
            "events",
            "user_id,timestamp,item_id,type",
            f"old-{{0}},2026-01-01T00:00:00Z,{ITEM},purchase",
            "new-{0},2026-01-01T00:00:00Z,thing-{0},purchase",
            f"x,never,{ITEM},purchase",
        )

    def import_items(self) -> bool:
        return self.import_("items", "item_id,name", "lamp-{0},Lamp", f"{ITEM},Lamp {{0}}")

    def import_users(self) -> bool:
        return self.import_("users", "user_id,labels", "ann-{0},new", "ann,label-{0}")

    def collect(self) -> bool:
        """Fetch a message that names a part of the real stream."""
        (stream,) = self._streams.list_streams(TableName=EVENTS)["Streams"]
        arn = stream["StreamArn"]
        shards = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        shard = shards[0]["ShardId"]
        iterator = self._streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        record = self._streams.get_records(ShardIterator=iterator)["Records"][0]
        number = record["dynamodb"]["SequenceNumber"]
        part = {
            "streamArn": arn,
            "shardId": shard,
            "startSequenceNumber": number,
            "endSequenceNumber": number,
            "approximateArrivalOfFirstRecord": datetime.now(UTC).isoformat(),
        }
        url = self._sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
        self._sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"DDBStreamBatchInfo": part}))
        result, well = self._run("collect")
        return well and result["records"] > 0

    def clean(self) -> bool:
        """Remove what a training that died has left."""
        key = f"training/{next(self._numbers)}/data.npz"
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=b"left behind")
        result, well = self._run("clean")
        return well and result["files"] > 0

    def start_training(self) -> bool:
        """Start the state machine as the schedule does."""
        result, well = self._run("train", time=datetime.now(UTC).isoformat())
        if well:
            self._site.call(f"/api/v1/jobs/{result['job_id']}/cancel/", method="POST")
        return well

    def train_in_steps(self) -> bool:
        """Let the state machine train."""
        status, _, text = self._site.call("/api/v1/jobs/", method="POST", body={"job": "train"})
        assert status < 300, text
        path = f"/api/v1/jobs/{json.loads(text)['job_id']}/"

        def ended() -> Any:
            state = json.loads(self._site.call(path)[2])["state"]
            return state not in {"queued", "running"} and state

        return bool(eventually(ended, seconds=120) == "succeeded")

    def count(self) -> bool:
        """Count an event that no stream has followed."""
        assert self.import_events()
        result, well = self._run("count")
        return well and bool(result["events"]) and not result["broken"]


def known_to_the_emulator(policy: dict[str, Any]) -> dict[str, Any]:
    """Return a policy as the emulator can match it: it does not know which stream a call reads."""
    return {
        **policy,
        "Statement": [
            {**part, "Resource": ["*"]} if part["Sid"] == "FailedRecords" else part
            for part in policy["Statement"]
        ],
    }


def needed_by_jobs(jobs: Jobs) -> dict[str, dict[str, Callable[[], bool]]]:
    """Return, by statement and action, the job that cannot do without it."""
    tables = {name: f"dynamodb:{name}" for name in (*TABLE_ACTIONS, "DescribeTable", "Scan")}
    trend, report, rebuild, export = (
        partial(jobs.run, "trend"),
        partial(jobs.run, "report"),
        partial(jobs.run, "rebuild"),
        partial(jobs.export, "items"),
    )
    return {
        "JobsSize": {tables["DescribeTable"]: jobs.train_in_steps},
        "JobsChange": {
            tables["BatchGetItem"]: jobs.import_events,
            tables["GetItem"]: trend,
            tables["Query"]: trend,
            tables["BatchWriteItem"]: trend,
            tables["DeleteItem"]: jobs.clean,
            tables["PutItem"]: export,
            tables["UpdateItem"]: export,
        },
        "JobsRebuild": {
            tables["BatchGetItem"]: jobs.count,
            tables["Query"]: report,
            tables["PutItem"]: jobs.count,
            tables["UpdateItem"]: jobs.count,
            tables["GetItem"]: rebuild,
            tables["BatchWriteItem"]: rebuild,
            tables["DeleteItem"]: rebuild,
            tables["Scan"]: rebuild,
        },
        "JobsScan": {
            tables["BatchGetItem"]: jobs.import_events,
            tables["BatchWriteItem"]: jobs.import_events,
            tables["PutItem"]: jobs.import_events,
            tables["Query"]: rebuild,
            tables["Scan"]: report,
        },
        "JobsIndexes": {tables["Query"]: trend},
        "SecretKey": {"ssm:GetParameter": jobs.start_up},
        "HandOn": {
            "s3:GetObject": jobs.train_in_steps,
            "s3:PutObject": jobs.train_in_steps,
        },
        "RemoveFiles": {"s3:DeleteObject": jobs.clean},
        "ListFiles": {"s3:ListBucket": jobs.clean},
        "WriteFiles": {"s3:PutObject": export},
        "ReadImports": {"s3:GetObject": jobs.import_items},
        "StartTraining": {"states:StartExecution": jobs.start_training},
        "FailedRecords": dict.fromkeys(
            ("dynamodb:GetRecords", "dynamodb:GetShardIterator"), jobs.collect
        ),
        "FailureQueue": dict.fromkeys(
            ("sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"), jobs.collect
        ),
    }
