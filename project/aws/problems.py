"""What AWS says when something is wrong, as what an operator can do about it."""

import os

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from project.aws.stages import StageError

# What a command turns into one line; anything else is a fault of ours.
EXPECTED = (StageError, BotoCoreError, ClientError)

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN = frozenset(
    {
        "AuthFailure",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
)
_LOG_IN = "log in again, for example with 'aws sso login', and repeat the command"


def explain(error: Exception) -> str:
    """Return one line that says what is wrong and what to do."""
    if isinstance(error, ClientError):
        return _answer(error)
    if isinstance(error, (SSOTokenLoadError, TokenRetrievalError, UnauthorizedSSOTokenError)):
        return f"the AWS session has expired; {_LOG_IN}"
    if isinstance(error, (NoCredentialsError, ProfileNotFound)):
        return (
            f"no AWS credentials ({error}); set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        )
    if isinstance(error, (InvalidRegionError, NoRegionError)):
        return f"{error}; set `aws_region` in zappa_settings.json"
    if isinstance(error, (EndpointConnectionError, ConnectTimeoutError)):
        where = (
            "is MiniStack running where AWS_ENDPOINT_URL says?"
            if os.environ.get("AWS_ENDPOINT_URL")
            else "check `aws_region` in zappa_settings.json and the network"
        )
        return f"{error} {where}"
    return str(error)


def _answer(error: ClientError) -> str:
    details = error.response.get("Error", {})
    code, message = details.get("Code", ""), details.get("Message", "")
    if code in _EXPIRED:
        return f"the AWS credentials have expired; {_LOG_IN}"
    if code in _UNKNOWN:
        return (
            f"AWS does not know these credentials ({code}); check AWS_PROFILE, or "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if code in _DENIED:
        return f"these credentials may not do this: {error.operation_name}: {message}"
    return str(error)
