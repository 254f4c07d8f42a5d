"""``manage.py undeploy <deployment>``: take the functions away; tables and stack stay."""

from argparse import ArgumentParser
from typing import Any

from project.aws import releases, stream
from project.aws.management.deployments import DeploymentCommand
from project.aws.stages import Deployment


class Command(DeploymentCommand):
    help = "Remove the functions, the API and the schedules of a deployment; no data is touched."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--yes", action="store_true", help="without asking")

    def work(self, deployment: Deployment, options: dict[str, Any]) -> None:
        stages = [stage for stage in deployment.stages.values() if releases.live(stage)][::-1]
        for stage in stages:
            self.say(stage.function)
        if not stages:
            self.say(f"nothing of {deployment.name} is deployed")
            return
        self.confirm("Remove these functions? Tables and stack stay.", yes=options["yes"])
        for stage in stages:
            if "stream" in stage.roles:
                for table in stream.disconnect(stage):
                    self.say(f"{table}: disconnected from {stage.function}")
            self.zappa("undeploy", stage.name, "--yes")
