"""What may succeed later is told apart from what never will."""

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from pynamodb.exceptions import DoesNotExist, GetError, PutError

from core.dynamodb.connection import call
from core.dynamodb.errors import (
    BatchIncompleteError,
    error_code,
    is_condition_failure,
    is_transient,
)
from core.dynamodb.tables import OperationsRow


def client_error(code: str, *reasons: str) -> ClientError:
    body = {
        "Error": {"Code": code, "Message": "…"},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(body, "PutItem")


@pytest.mark.parametrize(
    "error",
    [
        client_error("ProvisionedThroughputExceededException"),
        client_error("ThrottlingException"),
        client_error("InternalServerError"),
        client_error("TransactionCanceledException", "None", "ThrottlingError"),
        GetError(cause=client_error("RequestLimitExceeded")),
        ConnectTimeoutError(endpoint_url="x"),
        PutError(cause=ReadTimeoutError(endpoint_url="x")),
        BatchIncompleteError(["row"]),
    ],
)
def test_throttling_and_lost_connections_may_succeed_later(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        client_error("ValidationException"),
        client_error("AccessDeniedException"),
        client_error("TransactionCanceledException", "ConditionalCheckFailed"),
        DoesNotExist(),
        ValueError("x"),
    ],
)
def test_mistakes_never_succeed_later(error: Exception) -> None:
    assert not is_transient(error)


def test_a_lost_condition_is_recognised_alone_and_in_a_transaction() -> None:
    assert is_condition_failure(PutError(cause=client_error("ConditionalCheckFailedException")))
    assert is_condition_failure(
        client_error("TransactionCanceledException", "None", "ConditionalCheckFailed")
    )
    assert not is_condition_failure(client_error("ValidationException"))


@pytest.mark.usefixtures("dynamodb")
def test_the_code_of_a_real_refusal_is_found() -> None:
    with pytest.raises(Exception, match="empty") as failure:
        call("GetItem", TableName=OperationsRow.Meta.table_name, Key=OperationsRow.key("", "x"))

    assert error_code(failure.value) == "ValidationException"
    assert not is_transient(failure.value)
