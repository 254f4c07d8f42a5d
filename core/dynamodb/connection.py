"""One botocore client for all tables.

PynamoDB gives each model a client of its own, which costs over a second and 80 MiB at a cold
start with eight models. Every `Table` shares this one.
"""

from functools import cache, lru_cache
from typing import Any

import botocore.session
from django.conf import settings
from pynamodb.connection import Connection

from core import aws
from core.dynamodb import meter


@cache
def _metered_session() -> botocore.session.Session:
    session = aws.session()
    session.register("before-parameter-build.dynamodb", meter.ask_for_consumption)
    session.register("before-send.dynamodb", meter.count_round_trip)
    session.register("after-call.dynamodb", meter.count_units)
    return session


class _MeteredConnection(Connection):
    @property
    def session(self) -> botocore.session.Session:
        return _metered_session()


@lru_cache(maxsize=1)
def connection() -> Connection:
    """Return the connection that all tables share, made at the first call."""
    return _MeteredConnection(
        region=settings.DYNAMODB["REGION"],
        host=settings.DYNAMODB["ENDPOINT_URL"],
        connect_timeout_seconds=settings.DYNAMODB["CONNECT_TIMEOUT"],
        read_timeout_seconds=settings.DYNAMODB["READ_TIMEOUT"],
        max_retry_attempts=settings.DYNAMODB["RETRIES"],
        max_pool_connections=settings.DYNAMODB["POOL_SIZE"],
    )


def call(operation: str, /, **params: Any) -> dict[str, Any]:
    """Call a DynamoDB operation that PynamoDB has no good form of."""
    answer: dict[str, Any] = connection().dispatch(operation, params)
    return answer
