"""``manage.py rollback <deployment>``: let the release before serve again, without new packages."""

from argparse import ArgumentParser
from typing import Any

from project.aws import releases
from project.aws.management.deployments import DeploymentCommand
from project.aws.stages import ROLES, Deployment, StageError


class Command(DeploymentCommand):
    help = "Go back to the release before, for all functions or one of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--only", choices=ROLES, help="one function instead of all three")

    def work(self, deployment: Deployment, options: dict[str, Any]) -> None:
        roles = [options["only"]] if options["only"] else list(reversed(ROLES))
        found = {role: releases.previous(deployment.stages[role]) for role in roles}
        missing = [deployment.stages[role].function for role, one in found.items() if one is None]
        if missing:
            message = f"{', '.join(missing)}: there is no release to go back to"
            raise StageError(message)
        for role, release in found.items():
            stage = deployment.stages[role]
            assert release is not None  # noqa: S101  # those without one were refused
            releases.go_back(stage, release.version)
            self.say(f"{stage.function}: {release} serves again")
