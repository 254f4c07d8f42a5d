"""``manage.py evaluate [VERSION]``: how good a model version is, as a table or an HTML file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recommendations import reporting
from recommendations.services import report, versions


class Command(BaseCommand):
    help = "Show how good a model version is, beside the simple lists and another version."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("version", nargs="?", help="the live one when left out")
        parser.add_argument("--html", type=Path, metavar="FILE", help="write the whole report")

    def handle(self, *_: Any, **options: Any) -> None:
        version = options["version"] or versions.live()
        if version is None:
            message = "no model is live yet; run 'manage.py job train' first"
            raise CommandError(message)
        try:
            found = report.build(version=version)
        except report.NoReportError as error:
            raise CommandError(str(error)) from error
        shown = reporting.context(found)
        columns = [name for _, name in shown["names"]]
        self.stdout.write(f"Model {version}, {found.version.data['holdout']['users']} users")
        self.stdout.write(f"{'':<20}" + "".join(f"{name:>20}" for name in columns))
        for label, cells in shown["measures"]:
            self.stdout.write(f"{label:<20}" + "".join(f"{cell.text:>20}" for cell in cells))
        for note in shown["notes"]:
            self.stdout.write(note)
        if options["html"]:
            path: Path = options["html"]
            path.write_text(reporting.as_html(found), encoding="utf-8")
            self.stdout.write(f"The whole report is in {path}")
