"""Secrets from SSM Parameter Store: read when the process starts, never packaged."""

import boto3


def secret_lines(name: str) -> list[str]:
    """Return the lines of an encrypted parameter, without blank ones.

    Raises
    ------
    botocore.exceptions.ClientError
        When there is no such parameter or this process may not read it.
    """
    client = boto3.client("ssm")
    value = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    return [line.strip() for line in value.splitlines() if line.strip()]
