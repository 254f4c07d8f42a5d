"""``manage.py import``: events, products and customers from CSV and JSON Lines files."""  # noqa: N999  # the name of the command

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from recommendations import importing
from recommendations.entities import EVENT_TYPES
from recommendations.importing.columns import ColumnsError, parse_map, split_types
from recommendations.importing.rows import EventRules, whole_days_to
from recommendations.importing.sources import STDIN, Format

# The exit code tells a script what happened; 0 is: every row is stored.
SOME_REJECTED = 1
STOPPED = 2
_FEEDBACK = "feedback"


class Command(BaseCommand):
    help = (
        "Import events, products or customers from CSV or JSON Lines files, compressed or not. "
        "Exit code 0: all rows are stored; 1: some rows were rejected, all others are stored; "
        "2: stopped before the end."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="'-' reads standard input")
        parser.add_argument(
            "--kind",
            choices=[*get_args(importing.Kind), _FEEDBACK],
            required=True,
            help="feedback is another name for events",
        )
        parser.add_argument(
            "--from",
            dest="system",
            choices=get_args(importing.System),
            help="whose files these are, if not ours; Gorse's JSON Lines files are recognised",
        )
        parser.add_argument(
            "--format", choices=get_args(Format), help="default: by the file's name and first line"
        )
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help=(
                "which column holds a field, where its name does not say it; for events also which "
                "type of ours a name stands for, as in share=like; may be repeated"
            ),
        )
        parser.add_argument(
            "--ignore",
            action="append",
            default=[],
            metavar="COLUMN",
            help="a column, or a key of JSON objects, to leave out; may be repeated",
        )
        parser.add_argument("--dry-run", action="store_true", help="check the rows, store nothing")
        parser.add_argument(
            "--rejects",
            type=Path,
            metavar="FILE",
            help="where rejected rows go; default: <name of the first file>.rejects.jsonl here",
        )
        parser.add_argument(
            "--batch", type=int, default=1000, metavar="N", help="rows stored at once (1000)"
        )
        events = parser.add_argument_group("events")
        events.add_argument(
            "--type", choices=EVENT_TYPES, default="purchase", help="of events that name none"
        )
        events.add_argument(
            "--timezone",
            metavar="ZONE",
            help="of times that name none, as in Europe/London; without it they are refused",
        )
        shift = events.add_mutually_exclusive_group()
        shift.add_argument(
            "--shift-to-yesterday",
            action="store_true",
            help="move all events by whole days, so that the last one was yesterday",
        )
        shift.add_argument(
            "--last-event",
            type=date.fromisoformat,
            metavar="YYYY-MM-DD",
            help="move all events by whole days, so that the last one is on this day",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            plan = self._shifted(_plan(options), options)
            rejected = self._import(plan, options)
        except (importing.SourceError, importing.StoppedError, ColumnsError) as error:
            raise CommandError(str(error), returncode=STOPPED) from error
        if rejected:
            message = f"{rejected} rows were rejected; {_rejects_path(options)} says why"
            raise CommandError(message, returncode=SOME_REJECTED)

    def _shifted(self, plan: importing.Plan, options: dict[str, Any]) -> importing.Plan:
        if options["shift_to_yesterday"]:
            target = datetime.now(UTC) - timedelta(days=1)
        elif options["last_event"] is not None:
            target = datetime.combine(options["last_event"], time(), UTC)
        else:
            return plan
        if plan.kind != "events" or STDIN in options["files"]:
            message = "only events from files can be shifted: the last one must be known first"
            raise CommandError(message, returncode=STOPPED)
        found = [importing.latest_event(path, plan) for path in options["files"]]
        latest = max((moment for moment in found if moment is not None), default=None)
        if latest is None:
            return plan
        shift = whole_days_to(target, latest)
        self.stdout.write(f"all times are moved by {shift.days} days")
        return replace(plan, rules=replace(plan.rules, shift=shift))

    def _import(self, plan: importing.Plan, options: dict[str, Any]) -> int:
        path = _rejects_path(options)
        if any(path.resolve() == Path(file).resolve() for file in options["files"]):
            message = f"{path} is a file to import; name another one with --rejects"
            raise CommandError(message, returncode=STOPPED)
        try:
            rejects = importing.RejectsFile(path)
        except OSError as error:
            message = f"cannot write {path}: {error.strerror}; name another file with --rejects"
            raise CommandError(message, returncode=STOPPED) from error
        with rejects:
            for file in options["files"]:
                with _progress_bar(file) as progress:
                    summary = importing.run(
                        importing.Source(file), plan, on_reject=rejects.write, progress=progress
                    )
                self._report(file, plan, summary)
        return rejects.count

    def _report(self, file: str, plan: importing.Plan, summary: importing.Summary) -> None:
        if summary.unused:
            self.stderr.write(f"{file}: columns that are not used: {', '.join(summary.unused)}")
        done = "would be stored" if plan.dry_run else "stored"
        self.stdout.write(
            f"{file}: {summary.stored} {plan.kind} {done}, {summary.rejected} rows rejected"
        )


def _plan(options: dict[str, Any]) -> importing.Plan:
    if options["batch"] < 1:
        message = "--batch must be at least 1"
        raise CommandError(message, returncode=STOPPED)
    zone = None
    if options["timezone"]:
        try:
            zone = ZoneInfo(options["timezone"])
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            message = f"--timezone {options['timezone']}: no such zone; try Europe/London or UTC"
            raise CommandError(message, returncode=STOPPED) from error
    kind: importing.Kind = "events" if options["kind"] == _FEEDBACK else options["kind"]
    types, columns = split_types(options["map"], kind=kind, types=EVENT_TYPES)
    return importing.Plan(
        kind=kind,
        format=options["format"],
        system=options["system"],
        mapped=parse_map(columns, kind=kind),
        ignored=frozenset(options["ignore"]),
        rules=EventRules(
            now=datetime.now(UTC), default_type=options["type"], timezone=zone, types=types
        ),
        dry_run=options["dry_run"],
        batch=options["batch"],
    )


def _rejects_path(options: dict[str, Any]) -> Path:
    first = options["files"][0]
    name = "stdin" if first == STDIN else Path(first).name
    return options["rejects"] or Path(f"{name}.rejects.jsonl")


@contextmanager
def _progress_bar(file: str) -> Iterator[importing.Progress]:
    """Show a bar on a terminal, and nothing elsewhere."""
    size = None if file == STDIN else Path(file).stat().st_size if Path(file).is_file() else None
    with tqdm(
        desc=Path(file).name,
        total=size,
        unit="B",
        unit_scale=True,
        file=sys.stderr,
        disable=None,
    ) as bar:

        def show(position: int, summary: importing.Summary) -> None:
            bar.set_postfix_str(
                f"{summary.stored} stored, {summary.rejected} rejected", refresh=False
            )
            bar.update(position - bar.n)

        yield show
