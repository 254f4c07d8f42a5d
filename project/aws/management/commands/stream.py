"""``manage.py stream create|status|delete``: what connects the streams to the function."""

from argparse import ArgumentParser
from typing import Any

from botocore.exceptions import ClientError
from django.core.management.base import BaseCommand, CommandError

from project.aws import stream
from project.aws.stages import Stage, StageError, current, load


class Command(BaseCommand):
    help = "Connect the DynamoDB streams to the function that follows them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["create", "status", "delete"])

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            # Any stage of a deployment will do: they are named <deployment>_<role>.
            stage = load(f"{current().deployment}_stream")
            getattr(self, f"_{options['action']}")(stage)
        except (StageError, ClientError) as error:
            raise CommandError(str(error)) from error

    def _create(self, stage: Stage) -> None:
        self._report(stream.connect(stage))

    def _status(self, stage: Stage) -> None:
        self._report(stream.inspect(stage))

    def _delete(self, stage: Stage) -> None:
        for table in stream.disconnect(stage):
            self.stdout.write(f"{table}: disconnected from {stage.function}")

    def _report(self, mappings: Any) -> None:
        failing = []
        for mapping in mappings:
            line = f"{mapping.table}: {mapping.state}"
            if mapping.last_result:
                line += f", last result: {mapping.last_result}"
            if mapping.wrong:
                line += f", differs in {', '.join(mapping.wrong)}"
            self.stdout.write(line)
            if not mapping.healthy:
                failing.append(mapping.table)
        if failing:
            message = f"{', '.join(failing)}: run 'manage.py stream create' to mend this"
            raise CommandError(message)
