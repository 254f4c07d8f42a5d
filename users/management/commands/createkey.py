"""``manage.py createkey``: create an API key."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.validation import InvalidInputError
from users.permissions import SCOPES
from users.services import keys


class Command(BaseCommand):
    help = "Create an API key and print it. It is stored hashed and cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="what the key is for")
        parser.add_argument(
            "--scope", action="append", default=[], choices=SCOPES, help="may be repeated"
        )
        parser.add_argument("--all-scopes", action="store_true")

    def handle(self, *_: Any, **options: Any) -> None:
        scopes = SCOPES if options["all_scopes"] else options["scope"]
        try:
            text, key = keys.create(name=options["name"], scopes=scopes, by="manage.py")
        except InvalidInputError as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"created {key.name}: {', '.join(sorted(key.scopes))}; keep it safe:")
        # Alone on standard output, so that a script can take it.
        self.stdout.write(text)
