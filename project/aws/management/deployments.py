"""What the commands that work on a whole deployment have in common."""

import os
import shlex
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from project.aws.packages import ROOT
from project.aws.problems import EXPECTED, explain
from project.aws.stages import Deployment, StageError, load_deployment


class DeploymentCommand(BaseCommand):
    """Base of the commands whose first argument names a deployment of `zappa_settings.json`."""

    # Nothing of the site runs here, and what it would be checked for is the function's.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("deployment", help="such as 'local' or 'production'")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            self.work(load_deployment(options["deployment"]), options)
        except EXPECTED as error:
            message = f"Stopped: {explain(error)}"
            raise CommandError(message) from error

    def work(self, deployment: Deployment, options: dict[str, Any]) -> None:
        """Do what the command is for."""
        raise NotImplementedError

    def say(self, line: str) -> None:
        # Commands that are started write to the same place; what comes first must be seen first.
        self.stdout.write(line)
        self.stdout.flush()

    def zappa(self, *arguments: str) -> None:
        """Show a command of Zappa's and run it.

        Raises
        ------
        StageError
            When it failed; it has said why.
        """
        self.say(f"$ zappa {shlex.join(arguments)}")
        program = Path(sys.executable).with_name("zappa")
        # The secret is read by the stage's own settings.
        hidden = {"SECRET_KEY", "SECRET_KEY_PARAMETER"}
        environment = {key: value for key, value in os.environ.items() if key not in hidden}
        done = subprocess.run([str(program), *arguments], cwd=ROOT, env=environment)  # noqa: S603
        if done.returncode:
            message = f"'zappa {shlex.join(arguments)}' failed, see above"
            raise StageError(message)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask unless told not to.

        Raises
        ------
        CommandError
            When the answer is no, or nobody is there to ask.
        """
        if yes:
            return
        try:
            answer = input(f"{question} Type 'yes': ")
        except EOFError:
            answer = ""
        if answer.strip().lower() != "yes":
            message = "nothing was changed; --yes goes on without asking"
            raise CommandError(message)
