"""``manage.py deploy <deployment>``: all three functions, in the right order."""

from typing import Any

from project.aws.address import address
from project.aws.management.deployments import DeploymentCommand
from project.aws.stages import Deployment


class Command(DeploymentCommand):
    help = "Deploy the functions of a deployment; what is deployed already is left alone."

    def work(self, deployment: Deployment, options: dict[str, Any]) -> None:  # noqa: ARG002
        from project.aws import releases

        for stage in deployment.stages.values():
            serving = releases.live(stage)
            if serving is not None:
                self.say(f"{stage.function}: already deployed, release {serving} serves")
                continue
            self.zappa("deploy", stage.name)
        self.say(f"{deployment.name} is deployed: {address(deployment.api)}/")
