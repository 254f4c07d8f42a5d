"""Follow the stream of the events table where no Lambda does, until the process is ended."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from project.local_stream import events_poller


class Command(BaseCommand):
    help = __doc__

    def handle(self, *_: Any, **__: Any) -> None:
        poller = events_poller()
        if poller is None:
            raise CommandError("the events table has no stream; run 'manage.py tables create'")
        # Before it starts, so that only this thread is told to end.
        signals = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        # What was written while nobody followed is handled too; handling a record twice changes
        # nothing.
        poller.start("TRIM_HORIZON")
        self.stdout.write("Following the stream of the events table. Ctrl-C ends it.")
        signal.sigwait(signals)
        poller.stop()
