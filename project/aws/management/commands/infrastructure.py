"""``manage.py infrastructure <deployment>``: tables, roles, buckets, queue, logs and alarms."""

import json
from argparse import ArgumentParser
from typing import Any

from core.dynamodb import tables
from project.aws import preflight, stack
from project.aws.infrastructure import template
from project.aws.management.deployments import DeploymentCommand
from project.aws.stages import Deployment


class Command(DeploymentCommand):
    help = "Show what would change in the CloudFormation stack of a deployment, and change it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--print", action="store_true", help="print the template; asks AWS nothing"
        )
        parser.add_argument("--yes", action="store_true", help="apply without asking")
        parser.add_argument(
            "--adopt",
            action="store_true",
            help="take tables, buckets and log groups into the stack that are there already",
        )

    def work(self, deployment: Deployment, options: dict[str, Any]) -> None:
        wanted = template(deployment)
        if options["print"]:
            self.stdout.write(json.dumps(wanted, indent=2))
            return
        preflight.check_infrastructure(deployment, adopt=options["adopt"])
        proposed = stack.propose(deployment, wanted, adopt=options["adopt"])
        if proposed is None:
            self.say(f"Stack {deployment.stack} in {deployment.region}: nothing to change")
        else:
            self._change(deployment, proposed, yes=options["yes"])
        # Nothing to do where CloudFormation sets all of a table; an emulator leaves TTL and
        # point-in-time recovery out, and a restored table has neither.
        for _ in tables.create_all():
            pass

    def _change(self, deployment: Deployment, proposed: stack.ChangeSet, *, yes: bool) -> None:
        verb = "is created" if proposed.creates else "is changed"
        self.say(f"Stack {deployment.stack} in {deployment.region} {verb}:")
        for change in proposed.changes:
            self.say(str(change))
        try:
            self.confirm("Apply these changes?", yes=yes)
        except BaseException:
            stack.discard(deployment, proposed)
            raise
        for line in stack.apply(deployment, proposed):
            self.say(line)
        self.say(f"Stack {deployment.stack}: done")
