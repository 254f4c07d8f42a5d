"""What Zappa calls while it deploys; `zappa_settings.json` names these functions.

Zappa loads this file by its path, not as part of its package, so it must put the project on the
import path itself.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import boto3
import django

from project.aws import bundle, packages, releases
from project.aws.address import address
from project.aws.problems import EXPECTED, explain
from project.aws.stages import ALIAS, Stage

_CHANGES = frozenset({"deploy", "update", "package"})


def before(cli: Any) -> None:
    """Prepare a deployment, or stop it before it changes anything."""
    if cli.command in _CHANGES:
        stage = _guard(lambda: _prepare(cli))
        print(f"Stage {stage.name}: {', '.join(sorted(stage.roles))}")


def zipped(cli: Any) -> None:
    """Rewrite the zip so that it holds what the function needs and no more."""
    stage = Stage.from_config(cli.api_stage, cli.stage_config)
    found = packages.archive(stage.roles, emulated=_emulated())
    size = _guard(lambda: bundle.rebuild(Path(cli.zip_path), found, static="api" in stage.roles))
    compressed = Path(cli.zip_path).stat().st_size
    print(f"Package: {compressed / 2**20:.1f} MB, {size / 2**20:.1f} MB unpacked")


def after(cli: Any) -> None:
    """Check what was deployed and let it serve, or go back; connect the streams."""
    stage = Stage.from_config(cli.api_stage, cli.stage_config)
    if "jobs" in stage.roles:
        # A job that failed has said so in its record; Lambda would run it twice more.
        for qualifier in ("$LATEST", ALIAS):
            boto3.client("lambda").put_function_event_invoke_config(
                FunctionName=stage.function, Qualifier=qualifier, MaximumRetryAttempts=0
            )
    _guard(lambda: releases.keep_package(stage, Path(cli.zip_path).name))
    print(f"Release {_guard(lambda: releases.roll_out(stage))} passed its check and serves")
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
    stage.apply()
    _start_django()
    from project.aws import preflight

    cli.zappa.credentials_arn = preflight.check_deployment(stage)
    if "api" in stage.roles:
        # It loads the application while it starts, see `project.aws.handler`.
        cli.aws_environment_variables["ANSWERS_HTTP"] = "true"
        cli.apigateway_lambda_qualifier = ALIAS
    packages.archive(stage.roles, emulated=_emulated())
    os.environ["VIRTUAL_ENV"] = str(packages.empty_environment())
    create = cli.zappa.create_lambda_function

    def create_with_alias(**settings: Any) -> Any:
        # Zappa makes the API next, which may only be told to call an alias that is there.
        arn = create(**settings)
        releases.begin(stage)
        return arn

    cli.zappa.create_lambda_function = create_with_alias
    return stage


def _emulated() -> bool:
    return bool(os.environ.get("AWS_ENDPOINT_URL"))


def _start_django() -> None:
    """Load the models with the settings of the stage; what imports them must come after this."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    django.setup()


def _guard(action: Callable[[], Any]) -> Any:
    """Run a step; turn what an operator can mend into one line."""
    try:
        return action()
    except EXPECTED as error:
        sys.exit(f"Stopped: {explain(error)}")
