#!/usr/bin/env python
"""Run administrative commands."""

import os
import secrets
import sys

from django.core.management import execute_from_command_line

# What works on a whole deployment, named after the command, and needs no secret of it.
DEPLOYMENT_COMMANDS = frozenset(
    {"deploy", "infrastructure", "rollback", "status", "undeploy", "update"}
)


def work_on_a_deployment(arguments: list[str]) -> None:
    """Take the environment of what the command line names, or else of the stage in ZAPPA_STAGE."""
    from project.aws.stages import StageError, current, load_deployment

    try:
        if arguments and arguments[0] in DEPLOYMENT_COMMANDS:
            named = [argument for argument in arguments[1:] if not argument.startswith("-")]
            if named:
                load_deployment(named[0]).api.apply()
            os.environ["SECRET_KEY_PARAMETER"] = ""
            os.environ["SECRET_KEY"] = secrets.token_urlsafe(48)
        elif "ZAPPA_STAGE" in os.environ:
            current().apply()
    except StageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    work_on_a_deployment(sys.argv[1:])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    execute_from_command_line(sys.argv)
