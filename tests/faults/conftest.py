"""Faults between botocore and DynamoDB, on the way that real ones take."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from core.dynamodb import batch
from core.dynamodb.connection import connection

Hook = Callable[[Any, str], Any]
WRITES = frozenset({"BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"})


class _Raw:
    """The body of a fabricated answer, as urllib3 would give it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


def _answer(request: Any, status: int, body: dict[str, Any]) -> AWSResponse:
    raw = _Raw(json.dumps(body).encode())
    return AWSResponse(request.url, status, {"content-type": "application/x-amz-json-1.0"}, raw)


def throttled(request: Any, _operation: str) -> AWSResponse:
    """DynamoDB refuses, before it does anything."""
    code = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
    return _answer(request, 400, {"__type": code, "message": "slow down"})


def broken(request: Any, _operation: str) -> AWSResponse:
    """DynamoDB fails on its side."""
    return _answer(request, 500, {"__type": "InternalServerError", "message": "oops"})


def unreachable(request: Any, _operation: str) -> None:
    raise EndpointConnectionError(endpoint_url=request.url)


def timed_out(request: Any, _operation: str) -> None:
    """Nothing is known: here the request has not arrived."""
    raise ReadTimeoutError(endpoint_url=request.url)


def answer_lost(request: Any, _operation: str) -> None:
    """The request is carried out, and its answer never comes."""
    _send(request)
    raise ReadTimeoutError(endpoint_url=request.url)


def hung_up(request: Any, _operation: str) -> None:
    """The same, but the connection is closed."""
    _send(request)
    raise ConnectionClosedError(endpoint_url=request.url)


def half_unprocessed(request: Any, operation: str) -> AWSResponse | None:
    """DynamoDB does the first half of a batch and gives the rest back."""
    if operation not in {"BatchWriteItem", "BatchGetItem"}:
        return None
    wanted = json.loads(request.body)
    done: dict[str, Any] = {}
    left: dict[str, Any] = {}
    for table, part in wanted["RequestItems"].items():
        is_write = isinstance(part, list)
        rows = part if is_write else part["Keys"]
        half = len(rows) // 2
        for target, some in ((done, rows[:half]), (left, rows[half:])):
            if some:
                target[table] = some if is_write else {**part, "Keys": some}
    body: dict[str, Any] = {}
    if done:
        body = json.loads(_send(request, {**wanted, "RequestItems": done}))
    name = "UnprocessedItems" if operation == "BatchWriteItem" else "UnprocessedKeys"
    return _answer(request, 200, {**body, name: left})


def _send(request: Any, body: dict[str, Any] | None = None) -> bytes:
    content = request.body if body is None else json.dumps(body).encode()
    headers = {
        **request.headers,
        "Content-Length": str(len(content)),
    }
    changed = AWSPreparedRequest(
        request.method, request.url, headers, content, request.stream_output
    )
    answer: bytes = connection().client._endpoint.http_session.send(changed).content
    return answer


@dataclass
class Faults:
    """Which calls fail, and how often each operation was sent.

    Attributes
    ----------
    fails
        Told the operation and its number, from 1, says how it fails; None to let it pass.
    """

    fails: Callable[[str, int], Hook | None] = lambda _operation, _number: None
    sent: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, request: Any, **_: Any) -> Any:
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        with self._lock:
            self.sent[operation] += 1
            hook = self.fails(operation, self.sent[operation])
        return None if hook is None else hook(request, operation)

    def first(self, hook: Hook, *operations: str, times: int = 1) -> None:
        """Let the first calls of each of these operations fail, of all when none is named."""

        def fails(operation: str, number: int) -> Hook | None:
            concerned = not operations or operation in operations
            return hook if concerned and number <= times else None

        self.fails, self.sent = fails, Counter()

    def always(self, hook: Hook, *operations: str) -> None:
        self.first(hook, *operations, times=10**9)

    def none(self) -> None:
        self.first(throttled, times=0)


@pytest.fixture
def faults(dynamodb: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """Faults to be set by a test; nobody waits between tries."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr(batch, "_FIRST_PAUSE", 0.0)
    found = Faults()
    emitter = connection().client.meta.events
    emitter.register("before-send.dynamodb", found)
    yield found
    emitter.unregister("before-send.dynamodb", found)
