"""``manage.py status <deployment>``: what serves, and whether all of it is as it should be."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError

from project.aws import check, releases, stack, stream
from project.aws.address import address
from project.aws.management.deployments import DeploymentCommand
from project.aws.stages import Deployment


class Command(DeploymentCommand):
    help = "Show the stack, the releases that serve and the streams; fails when something is wrong."

    def work(self, deployment: Deployment, options: dict[str, Any]) -> None:  # noqa: ARG002
        problems = []
        for line, problem in self._parts(deployment):
            self.say(f"{line}{': ' + problem if problem else ''}")
            problems += [line] if problem else []
        if problems:
            message = f"{len(problems)} of the lines above tell of a problem"
            raise CommandError(message)

    def _parts(self, deployment: Deployment) -> Iterator[tuple[str, str]]:
        state = stack.status(deployment)
        remedy = f"run 'manage.py infrastructure {deployment.name}'"
        yield f"Stack {deployment.stack}: {state or 'MISSING'}", "" if state else remedy
        for role, stage in deployment.stages.items():
            release = next((each for each in releases.history(stage) if each.serves), None)
            if release is None:
                yield stage.function, f"not deployed; run 'manage.py deploy {deployment.name}'"
                continue
            problem = check.failing(stage, release.version, before=release.version)
            yield f"{stage.function}: {release} serves", problem
            if role == "stream":
                for mapping in stream.inspect(stage):
                    wrong = f"differs in {', '.join(mapping.wrong)}" if mapping.wrong else ""
                    unhealthy = wrong or (
                        "" if mapping.healthy else "run 'manage.py stream create'"
                    )
                    yield f"Stream of {mapping.table}: {mapping.state}", unhealthy
            if role == "api":
                yield f"Address: {address(stage)}/", ""
