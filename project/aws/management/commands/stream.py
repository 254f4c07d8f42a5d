"""``manage.py stream create|status|redrive|delete``: what connects the streams to the function."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from project.aws import stream
from project.aws.problems import EXPECTED, explain
from project.aws.stages import Stage, current, load
from recommendations.services import dead_letters


class Command(BaseCommand):
    help = "Connect the DynamoDB streams to the function that follows them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["create", "status", "redrive", "delete"])

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            # Any stage of a deployment will do: they are named <deployment>_<role>.
            stage = load(f"{current().deployment}_stream")
            getattr(self, f"_{options['action']}")(stage)
        except EXPECTED as error:
            raise CommandError(explain(error)) from error

    def _create(self, stage: Stage) -> None:
        self._report(stream.connect(stage))

    def _status(self, stage: Stage) -> None:
        self._report(stream.inspect(stage))

    def _redrive(self, stage: Stage) -> None:
        """Handle again what was given up: fetch it from the queue, then try each dead letter."""
        self.stdout.write(
            f"{stream.failure_queue(stage)}: {dead_letters.collect()} records fetched"
        )
        done, left = dead_letters.retry_all()
        self.stdout.write(f"{done} dead letters handled, {len(left)} left")
        for letter in left:
            # Neither the customer nor the event: the staff site shows them to who may see them.
            self.stdout.write(f"{letter.letter_id}: {letter.reason}")
        if left:
            message = "some could not be handled; mend the cause, or run 'manage.py rebuild'"
            raise CommandError(message)

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
