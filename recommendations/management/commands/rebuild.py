"""``manage.py rebuild``: make everything that is derived from events anew."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recommendations import jobs
from recommendations.services.jobs import JobError


class Command(BaseCommand):
    help = (
        "Make profiles, counters and live lists anew from the events, beside a running shop. "
        "A run that was cut short goes on where it stopped."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        try:
            result = jobs.rebuild({"by": "command line"})
        except JobError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(result, indent=2))
