"""``manage.py job NAME``: run a job here and now, as the staff site and the schedule do."""

import json
import signal
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recommendations import jobs
from recommendations.services.jobs import NAMES, JobError, entry_point


def _stop(_number: int, _frame: FrameType | None) -> None:
    message = "it was stopped from outside; start it again"
    raise SystemExit(message)


class Command(BaseCommand):
    help = "Run a job here and now and print its result."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=NAMES)
        parser.add_argument("--id", help="the queued job to run; otherwise a new one is recorded")

    def handle(self, *_: Any, **options: Any) -> None:
        # Whoever ends the process lets the job say so, and give its place back.
        signal.signal(signal.SIGTERM, _stop)
        work = getattr(jobs, entry_point(options["name"]))
        try:
            result = work({"job_id": options["id"], "by": "command line"})
        except JobError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(result, indent=2))
