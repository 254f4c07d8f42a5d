"""What Zappa calls while it deploys; `zappa_settings.json` names these functions.

Zappa loads this file by its path, not as part of its package, so it must put the project on the
import path itself.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import boto3
import django
from botocore.exceptions import BotoCoreError, ClientError

from project.aws import bundle, packages
from project.aws.address import address
from project.aws.stages import Stage, StageError

_CHANGES = frozenset({"deploy", "update", "package"})


def before(cli: Any) -> None:
    """Prepare a deployment, or stop it before it changes anything.

    Chooses the packages, derives the function's permissions from the tables, and checks that what
    the function needs is there.
    """
    if cli.command not in _CHANGES:
        return
    stage = _guard(lambda: _prepare(cli))
    print(f"Stage {stage.name}: {', '.join(sorted(stage.roles))}")


def zipped(cli: Any) -> None:
    """Rewrite the zip so that it holds what the function needs and no more."""
    stage = Stage.from_config(cli.api_stage, cli.stage_config)
    found = packages.archive(stage.roles, emulated=_emulated())
    size = _guard(lambda: bundle.rebuild(Path(cli.zip_path), found))
    compressed = Path(cli.zip_path).stat().st_size
    print(f"Package: {compressed / 2**20:.1f} MB, {size / 2**20:.1f} MB unpacked")


def after(cli: Any) -> None:
    """Set what Zappa leaves out: how failed jobs are retried, and the mapping of the streams."""
    stage = Stage.from_config(cli.api_stage, cli.stage_config)
    if "jobs" in stage.roles:
        # A job that failed has said so in its record; Lambda would run it twice more.
        boto3.client("lambda").put_function_event_invoke_config(
            FunctionName=stage.function, MaximumRetryAttempts=0
        )
    if "stream" in stage.roles:
        from project.aws import stream

        for mapping in _guard(lambda: list(stream.connect(stage))):
            print(f"Stream of {mapping.table}: {mapping.state}")
            if not mapping.healthy:
                sys.exit(f"the mapping differs in {', '.join(mapping.wrong) or 'its state'}")
    if "api" in stage.roles:
        # Zappa prints an address too, but only knows those of AWS.
        print(f"Address: {_guard(lambda: address(stage))}/")


def _prepare(cli: Any) -> Stage:
    stage = Stage.from_config(cli.api_stage, cli.stage_config)
    bucket = stage.environment.get("EXPORT_BUCKET", "")
    if "CHANGE-ME" in f"{cli.s3_bucket_name} {bucket}":
        message = (
            f"stage {stage.name}: choose the names of `s3_bucket` and `EXPORT_BUCKET` in "
            "zappa_settings.json"
        )
        raise StageError(message)
    stage.apply()
    _start_django()
    from project.aws import iam

    account = boto3.client("sts").get_caller_identity()["Account"]
    _check_tables()
    if "jobs" in stage.roles and stage.environment.get("EXPORT_BUCKET"):
        from project.aws.exports import ensure_bucket

        ensure_bucket(stage.environment["EXPORT_BUCKET"], region=stage.region)
    cli.zappa.attach_policy = json.dumps(iam.policy(stage, account=account))
    if "api" in stage.roles:
        # It loads the application while it starts, see `project.aws.handler`.
        cli.aws_environment_variables["ANSWERS_HTTP"] = "true"
    packages.archive(stage.roles, emulated=_emulated())
    os.environ["VIRTUAL_ENV"] = str(packages.empty_environment())
    return stage


def _emulated() -> bool:
    return bool(os.environ.get("AWS_ENDPOINT_URL"))


def _start_django() -> None:
    """Load the models with the settings of the stage; what imports them must come after this."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    django.setup()


def _check_tables() -> None:
    from core.dynamodb.tables import registered, status

    missing = [name for name in registered() if status(name).state != "ACTIVE"]
    if missing:
        message = f"{', '.join(missing)}: no such table; run 'manage.py tables create' first"
        raise StageError(message)


def _guard(action: Callable[[], Any]) -> Any:
    """Run a step; turn what an operator can mend into one line."""
    try:
        return action()
    except (StageError, BotoCoreError, ClientError) as error:
        sys.exit(f"Stopped: {error}")
