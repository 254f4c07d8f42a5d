"""What a process has of AWS once: a session, and the account that it belongs to."""

from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from django.conf import settings


@cache
def session() -> botocore.session.Session:
    """Return the session that clients of a running site are made from.

    It keeps what the first one has read: regions, credentials, descriptions of services.
    """
    return botocore.session.get_session()


def signing_s3() -> Any:
    """Return a client that signs links to files, and forms that send one.

    They name the bucket's region. By S3's address for all regions a new bucket is not found there
    for hours, and a browser that is led on to its region has a signature for another address.
    """
    style = "auto" if settings.DYNAMODB["ENDPOINT_URL"] else "virtual"
    # Links signed in the older way cannot name the file.
    config = Config(signature_version="s3v4", s3={"addressing_style": style})
    region = settings.DYNAMODB["REGION"]
    return session().create_client("s3", region_name=region, config=config)


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
