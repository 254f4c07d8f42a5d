"""Errors of AWS become one line that says what to do."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    UnauthorizedSSOTokenError,
)

from project.aws.problems import explain
from project.aws.stages import StageError


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetCallerIdentity")


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired"])
def test_expired_credentials_are_to_be_renewed(code: str) -> None:
    assert "expired" in explain(refused(code))
    assert "aws sso login" in explain(refused(code))
    assert "aws sso login" in explain(UnauthorizedSSOTokenError())


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "UnrecognizedClientException"])
def test_unknown_credentials_are_to_be_checked(code: str) -> None:
    assert "AWS_PROFILE" in explain(refused(code))


def test_missing_credentials_are_to_be_set() -> None:
    assert "set AWS_PROFILE" in explain(NoCredentialsError())
    assert "set AWS_PROFILE" in explain(ProfileNotFound(profile="shop"))


def test_what_may_not_be_done_is_named() -> None:
    assert "may not do this: GetCallerIdentity" in explain(refused("AccessDenied"))


def test_a_place_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client(
        "sts",
        endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"max_attempts": 0}, connect_timeout=1),
    )
    with pytest.raises(EndpointConnectionError) as caught:
        client.get_caller_identity()
    assert "is MiniStack running" in explain(caught.value)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert "`aws_region`" in explain(caught.value)


def test_our_own_words_stay() -> None:
    assert explain(StageError("do this")) == "do this"
