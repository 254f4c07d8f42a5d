"""Where a deployed stage answers: ``ZAPPA_STAGE=<stage> python -m project.aws.address``."""

import os
import sys
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from project.aws.stages import Stage, StageError, current


def address(stage: Stage) -> str:
    """Return the address of a stage's API, without a slash at its end.

    Raises
    ------
    botocore.exceptions.ClientError
        When the stage is not deployed.
    """
    client = boto3.client("cloudformation", region_name=stage.region)
    found = client.describe_stack_resource(StackName=stage.function, LogicalResourceId="ApiV2")
    api = found["StackResourceDetail"]["PhysicalResourceId"]
    emulator = urlsplit(os.environ.get("AWS_ENDPOINT_URL", ""))
    if emulator.port:
        return f"http://{api}.execute-api.localhost:{emulator.port}/{stage.name}"
    return f"https://{api}.execute-api.{stage.region}.amazonaws.com/{stage.name}"


def main() -> None:
    try:
        print(address(current()))
    except (StageError, BotoCoreError, ClientError) as error:
        sys.exit(f"Stopped: {error}")


if __name__ == "__main__":
    main()
