"""What can go wrong between us and DynamoDB, told apart by what the caller should do."""

from collections.abc import Sequence

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from pynamodb.exceptions import PynamoDBException

_TRANSIENT_CODES = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_TRANSIENT_ERRORS = (
    ConnectTimeoutError,
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)


class BatchIncompleteError(Exception):
    """DynamoDB kept refusing part of a batch past the last retry.

    Attributes
    ----------
    remainder
        The rows or keys that were not processed, in input order. Everything else was.
    """

    def __init__(self, remainder: Sequence[object]) -> None:
        super().__init__(
            f"DynamoDB left {len(remainder)} rows unprocessed after the last retry; send them again"
        )
        self.remainder = list(remainder)


class CursorError(ValueError):
    """A page cursor is forged, belongs to another list, or has an old format."""


class RowTooLargeError(ValueError):
    """A row would pass DynamoDB's limit of 400 KB."""


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        cause = current.cause if isinstance(current, PynamoDBException) else None
        current = cause or current.__cause__
    return chain


def error_code(error: BaseException) -> str | None:
    """Return the DynamoDB error code behind an exception, if there is one."""
    for cause in _causes(error):
        if isinstance(cause, ClientError):
            code = cause.response.get("Error", {}).get("Code")
            if code:
                return str(code)
    return None


def is_transient(error: BaseException) -> bool:
    """Tell whether the same call may succeed later: throttling, timeouts, lost connections."""
    if isinstance(error, BatchIncompleteError):
        return True
    causes = _causes(error)
    if any(isinstance(cause, _TRANSIENT_ERRORS) for cause in causes):
        return True
    for cause in causes:
        if isinstance(cause, ClientError):
            reasons = cause.response.get("CancellationReasons", [])
            codes = [reason.get("Code") for reason in reasons]
            codes.append(cause.response.get("Error", {}).get("Code"))
            if _TRANSIENT_CODES.intersection(codes):
                return True
    return False


def is_condition_failure(error: BaseException) -> bool:
    """Tell whether a conditional write lost, alone or inside a transaction."""
    for cause in _causes(error):
        if isinstance(cause, ClientError):
            response = cause.response
            if response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
                return True
            reasons = response.get("CancellationReasons", [])
            if any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
                return True
    return False


def was_retried(error: BaseException) -> bool:
    """Tell whether a refusal came at a repeated try, so that an earlier one may have been done."""
    return any(
        cause.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
        for cause in _causes(error)
        if isinstance(cause, ClientError)
    )
