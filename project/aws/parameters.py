"""Django's secret key in SSM Parameter Store: never packaged, read when a process starts.

``ZAPPA_STAGE=<stage> python -m project.aws.parameters create|rotate`` makes and renews it.
"""

import secrets
import sys
from argparse import ArgumentParser

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from project.aws.stages import StageError, current

# The key in use and the one before it, which still verifies sessions and cursors it has signed.
_KEPT = 2


def secret_keys(name: str) -> list[str]:
    """Return the keys in an encrypted parameter, the one in use first.

    Raises
    ------
    StageError
        When there is no such parameter.
    botocore.exceptions.ClientError
        When this process may not read it.
    """
    client = boto3.client("ssm")
    try:
        value = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except client.exceptions.ParameterNotFound as error:
        message = f"no parameter {name}; run 'python -m project.aws.parameters create'"
        raise StageError(message) from error
    return [line.strip() for line in value.splitlines() if line.strip()]


def create(name: str) -> bool:
    """Store a new key; return False, and change nothing, when there is one already."""
    client = boto3.client("ssm")
    try:
        client.put_parameter(Name=name, Value=secrets.token_urlsafe(48), Type="SecureString")
    except client.exceptions.ParameterAlreadyExists:
        return False
    return True


def rotate(name: str) -> None:
    """Put a new key before the one in use, and forget older ones."""
    keys = [secrets.token_urlsafe(48), *secret_keys(name)][:_KEPT]
    boto3.client("ssm").put_parameter(
        Name=name, Value="\n".join(keys), Type="SecureString", Overwrite=True
    )


def main() -> None:
    parser = ArgumentParser(description="The secret key of the stage in ZAPPA_STAGE.")
    parser.add_argument("action", choices=["create", "rotate"])
    action = parser.parse_args().action
    try:
        stage = current()
        stage.apply()
        name = stage.environment["SECRET_KEY_PARAMETER"]
        if action == "rotate":
            rotate(name)
            print(f"{name}: new key; run 'zappa update {stage.name}' so that functions take it")
        else:
            print(f"{name}: {'created' if create(name) else 'already there'}")
    except KeyError:
        sys.exit("this stage has no SECRET_KEY_PARAMETER in its aws_environment_variables")
    except (StageError, BotoCoreError, ClientError) as error:
        sys.exit(f"Stopped: {error}")


if __name__ == "__main__":
    main()
