"""What a process has of AWS once: a session, and the account that it belongs to."""

from functools import cache

import boto3
import botocore.session
from django.conf import settings


@cache
def session() -> botocore.session.Session:
    """Return the session that clients of a running site are made from.

    It keeps what the first one has read: regions, credentials, descriptions of services.
    """
    return botocore.session.get_session()


def arn(service: str, resource: str) -> str:
    """Return the full name of something of ours, as ``arn("sns", "alerts")``.

    Raises
    ------
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        When AWS does not say which account this is.
    """
    region = settings.DYNAMODB["REGION"]
    return f"arn:aws:{service}:{region}:{_account()}:{resource}"


@cache
def _account() -> str:
    # Asking needs no permission, and the account of a process never changes.
    return str(boto3.client("sts").get_caller_identity()["Account"])
