"""What each permission of the functions that serve is for: a feature that fails without it."""

import base64
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tests.deployment import Site

FUNCTION = "alsobought-local-"
EVENTS = "alsobought-local-events"
POLICY = "function"
OPERATIONS = "alsobought-local-operations"
LISTS = "alsobought-local-lists"
ITEM = "22423"
TABLE_ACTIONS = (
    "BatchGetItem",
    "BatchWriteItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "UpdateItem",
)

# What AWS asks of a role on behalf of its own services, which the emulator does without: Lambda
# writes the logs, reads the streams and reports failed batches with the role of the function.
BY_AWS_ITSELF = {
    "LogStreams": {"logs:CreateLogStream", "logs:PutLogEvents"},
    "Streams": {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"},
    "ListStreams": {"dynamodb:ListStreams"},
    "StreamFailures": {"sqs:SendMessage"},
}
# What only the largest files need, those of many parts that could not all be sent.
LARGE = {"WriteFiles": {"s3:AbortMultipartUpload"}}
# A job that cannot tell anybody says so in its log, and has done its work all the same.
UNHEEDED = {"Notify": {"sns:Publish"}}
# What the function only signs for a browser, which then sends or fetches the file itself.
SIGNED = {"LinkFiles": {"s3:GetObject"}, "UploadImports": {"s3:PutObject"}}


class Features:
    """Features of a deployed shop; each tells whether it works."""

    def __init__(self, client: Callable[[str], Any], site: Site) -> None:
        self._lambda = client("lambda")
        self._dynamodb = client("dynamodb")
        self._site = site
        (mapping,) = self._lambda.list_event_source_mappings()["EventSourceMappings"]
        self._mapping = mapping
        self._numbers = itertools.count(int(time.time() * 1000))

    @contextmanager
    def without_the_real_stream(self) -> Iterator[None]:
        """Let nothing but our own calls reach the stream function."""
        self._lambda.update_event_source_mapping(UUID=self._mapping["UUID"], Enabled=False)
        try:
            yield
        finally:
            self._lambda.update_event_source_mapping(UUID=self._mapping["UUID"], Enabled=True)

    def _new(self, kind: str) -> str:
        return f"{kind}-{next(self._numbers)}"

    # The API

    def _call(self, method: str, path: str, body: Any = None) -> bool:
        return self._answer(method, path, body) is not None

    def _answer(self, method: str, path: str, body: Any = None) -> dict[str, Any] | None:
        status, _, text = self._site.call(f"/api/v1{path}", method=method, body=body)
        if status >= 500:
            return None
        assert status < 400 or status == 409, f"{method} {path}: {status} {text}"
        return json.loads(text) if text else {}

    def recommend(self) -> bool:
        return self._call("GET", "/recommendations/users/17850/")

    def similar(self) -> bool:
        return self._call("GET", f"/items/{ITEM}/similar/")

    def be_ready(self) -> bool:
        return self._call("GET", "/health/ready/")

    def list_items(self) -> bool:
        return self._call("GET", "/items/?limit=1")

    def list_jobs(self) -> bool:
        return self._call("GET", "/jobs/")

    def change_item(self) -> bool:
        return self._call("PUT", f"/items/{self._new('item')}/", {"name": "Lamp"})

    def record_event(self) -> bool:
        return self._record(self._new("buyer")) is not None

    def erase_user(self) -> bool:
        user = self._new("eve")
        assert self._record(user) is not None
        return self._call("DELETE", f"/users/{user}/")

    def start_job(self) -> bool:
        body = {"job": "export", "parameters": {"kind": "items", "format": "csv"}}
        return self._call("POST", "/jobs/", body)

    def start_and_stop_training(self) -> bool:
        job = self._answer("POST", "/jobs/", {"job": "train"})
        if not job:
            return False
        return self._call("POST", f"/jobs/{job['job_id']}/cancel/")

    def _record(self, user: str, item: str = ITEM) -> dict[str, Any] | None:
        body = {"user_id": user, "type": "purchase", "items": [{"item_id": item}]}
        return self._answer("POST", "/events/", body)

    def start_up(self, role: str) -> bool:
        return start_up(self._lambda, role)

    # The stream

    def _follow(
        self, keys: dict[str, Any], image: dict[str, Any] | None, qualifier: str = ":live"
    ) -> bool:
        change: dict[str, Any] = {
            "Keys": keys,
            "SequenceNumber": str(next(self._numbers)),
            "ApproximateCreationDateTime": time.time(),
        }
        if image is not None:
            change["NewImage"] = image
        record = {
            "eventSource": "aws:dynamodb",
            "eventSourceARN": self._mapping["EventSourceArn"],
            "dynamodb": change,
        }
        name = f"{FUNCTION}stream{qualifier}"
        answer, well = invoke(self._lambda, name, {"Records": [record]})
        return well and not answer["batchItemFailures"]

    def _stored(self, user: str) -> tuple[dict[str, Any], dict[str, Any]]:
        (row,) = self._dynamodb.query(
            TableName=EVENTS,
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues={":user": {"S": user}},
        )["Items"]
        return {name: row[name] for name in ("user_id", "timestamp#event_id")}, row

    def follow_a_purchase(self, qualifier: str = ":live") -> bool:
        user = self._new("buyer")
        assert self._record(user, self._new("thing")) is not None
        return self._follow(*self._stored(user), qualifier)

    def make_lists(self) -> bool:
        """Make the live lists anew, which each process does at once and all once a minute."""
        assert self.start_up("stream")
        claim, latest = (
            {"name": {"S": name}, "version": {"S": "live"}} for name in ("claim", "latest")
        )
        for key in (claim, latest):
            self._dynamodb.delete_item(TableName=LISTS, Key=key)
        self.follow_a_purchase("")
        return "Item" in self._dynamodb.get_item(TableName=LISTS, Key=latest)

    def note_what_was_consumed(self) -> bool:
        """Store what a new process has counted, which it does at once and then once a minute."""
        assert self.start_up("stream")
        before = self._consumed()
        self.follow_a_purchase("")
        return self._consumed() != before

    def _consumed(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._dynamodb.query(
            TableName=OPERATIONS,
            KeyConditionExpression="pk = :month",
            ExpressionAttributeValues={":month": {"S": f"usage#{datetime.now(UTC):%Y-%m}"}},
            ConsistentRead=True,
        )["Items"]
        return [row for row in rows if "#stream#" in row["sk"]["S"]]

    def follow_a_withdrawal(self) -> bool:
        user = self._new("buyer")
        assert self._record(user) is not None
        keys, image = self._stored(user)
        followed = self._follow(keys, image)
        self._dynamodb.delete_item(TableName=EVENTS, Key=keys)
        return self._follow(keys, None) and followed


def start_up(client: Any, role: str) -> bool:
    """Start a process of a function anew: it reads the secret key."""
    name = FUNCTION + role
    found = client.get_function_configuration(FunctionName=name)
    variables = {**found["Environment"]["Variables"], "STARTED": str(time.time())}
    client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    client.get_waiter("function_updated_v2").wait(FunctionName=name)
    answer = client.invoke(FunctionName=name, Payload=json.dumps({"check": role}).encode())
    return "FunctionError" not in answer


def invoke(client: Any, function: str, event: dict[str, Any]) -> tuple[Any, bool]:
    """Return the answer of a function, and whether nothing went wrong that it logs."""
    answer = client.invoke(
        FunctionName=function, Payload=json.dumps(event).encode(), LogType="Tail"
    )
    log = base64.b64decode(answer.get("LogResult", "")).decode()
    content = json.loads(answer["Payload"].read() or b"null")
    wrong = "FunctionError" in answer or '"level": "ERROR"' in log
    return content, not (wrong or '"level": "WARNING"' in log)


def granted(policy: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each action of a policy with the statement that it is in."""
    for statement in policy["Statement"]:
        for action in statement["Action"]:
            yield statement["Sid"], action


@contextmanager
def without(iam: Any, role: str, policy: dict[str, Any], sid: str, action: str) -> Iterator[None]:
    """Take one action of one statement away from a role."""
    less = deepcopy(policy)
    for statement in less["Statement"]:
        if statement["Sid"] == sid:
            statement["Action"] = [each for each in statement["Action"] if each != action]
    less["Statement"] = [statement for statement in less["Statement"] if statement["Action"]]
    iam.put_role_policy(RoleName=role, PolicyName=POLICY, PolicyDocument=json.dumps(less))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=POLICY, PolicyDocument=json.dumps(policy))


def needed_by(role: str, features: Features) -> dict[str, dict[str, Callable[[], bool]]]:
    """Return, by statement and action, the feature that cannot do without it."""
    tables = {name: f"dynamodb:{name}" for name in TABLE_ACTIONS}
    if role == "api":
        return {
            "ApiChange": {
                tables["BatchGetItem"]: features.recommend,
                tables["GetItem"]: features.be_ready,
                tables["Query"]: features.list_jobs,
                tables["BatchWriteItem"]: features.record_event,
                tables["DeleteItem"]: features.erase_user,
                tables["PutItem"]: features.start_job,
                tables["UpdateItem"]: features.start_and_stop_training,
            },
            "ApiRead": {tables["BatchGetItem"]: features.similar},
            "ApiIndexes": {tables["Query"]: features.list_items},
            "SecretKey": {"ssm:GetParameter": partial(features.start_up, role)},
            "StartJobs": {"lambda:InvokeFunction": features.start_job},
            "StartTraining": {"states:StartExecution": features.start_and_stop_training},
            "StopTraining": {"states:StopExecution": features.start_and_stop_training},
        }
    return {
        "StreamChange": {
            tables["BatchGetItem"]: features.follow_a_purchase,
            tables["GetItem"]: features.follow_a_withdrawal,
            tables["Query"]: features.make_lists,
            tables["BatchWriteItem"]: features.follow_a_purchase,
            tables["DeleteItem"]: features.follow_a_withdrawal,
            tables["PutItem"]: features.follow_a_purchase,
            tables["UpdateItem"]: features.follow_a_purchase,
        },
        "StreamRead": {
            tables["BatchGetItem"]: features.follow_a_purchase,
            tables["GetItem"]: features.follow_a_purchase,
            tables["Query"]: features.follow_a_purchase,
        },
        "StreamIndexes": {tables["Query"]: features.make_lists},
        "StreamNotes": {
            tables["PutItem"]: features.follow_a_purchase,
            tables["UpdateItem"]: features.note_what_was_consumed,
        },
        "SecretKey": {"ssm:GetParameter": partial(features.start_up, role)},
    }
