"""``manage.py update <deployment>``: new code for all three functions, or for none."""

from typing import Any

from project.aws import releases
from project.aws.management.deployments import DeploymentCommand
from project.aws.stages import Deployment, Stage, StageError


class Command(DeploymentCommand):
    help = "Update the functions of a deployment; if one fails its check, all go back."

    def work(self, deployment: Deployment, options: dict[str, Any]) -> None:  # noqa: ARG002
        before = {stage.name: releases.live(stage) for stage in deployment.stages.values()}
        missing = [name for name, version in before.items() if version is None]
        if missing:
            message = f"{', '.join(missing)}: not deployed; run 'manage.py deploy' first"
            raise StageError(message)
        begun: list[Stage] = []
        for stage in deployment.stages.values():
            begun.append(stage)
            try:
                self.zappa("update", stage.name)
            except StageError:
                for each in reversed(begun):
                    self._go_back(each, str(before[each.name]))
                raise
        self.say(f"{deployment.name} is up to date")

    def _go_back(self, stage: Stage, version: str) -> None:
        if releases.live(stage) != version:
            releases.go_back(stage, version)
        self.say(f"{stage.function}: version {version} serves as before")
