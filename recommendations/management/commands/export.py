"""``manage.py export``: events, items, users or everyone's recommendations as a file."""

import gzip
import sys
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_args

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from core.dynamodb.errors import is_transient
from recommendations import exporting
from recommendations.importing.rejects import open_private

_PARTIAL = ".partial"


class Command(BaseCommand):
    help = (
        "Export events, items, users or everyone's recommendations. JSON Lines files of events, "
        "items and users can be imported again; CSV is for spreadsheets."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=get_args(exporting.Kind))
        parser.add_argument("--format", choices=get_args(exporting.Format), default="jsonl")
        parser.add_argument(
            "--output",
            type=Path,
            metavar="FILE",
            help="compressed if it ends in .gz; default: standard output",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        kind, form, path = options["kind"], options["format"], options["output"]
        found = tqdm(exporting.rows(kind), desc=kind, unit=" rows", file=sys.stderr, disable=None)
        content = exporting.encode(found, kind=kind, form=form)
        try:
            if path is None:
                for part in content:
                    sys.stdout.buffer.write(part)
                sys.stdout.buffer.flush()
                return
            # Under another name until it is whole: half a file would look like a whole one.
            partial = path.with_name(path.name + _PARTIAL)
            with ExitStack() as stack:
                target = stack.enter_context(open_private(partial))
                if path.suffix == ".gz":
                    stack.enter_context(gzip.open(target, "wb")).writelines(content)
                else:
                    target.writelines(content)
            partial.replace(path)
        except OSError as error:
            message = f"cannot write {path or 'to standard output'}: {error.strerror}"
            raise CommandError(message) from error
        except Exception as error:
            if not is_transient(error):
                raise
            message = "DynamoDB is busy; run the same command again"
            raise CommandError(message) from error
        self.stderr.write(f"{path} is written")
