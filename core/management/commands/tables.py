"""``manage.py tables create|status|delete``: the DynamoDB tables of this deployment."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.dynamodb import tables


class Command(BaseCommand):
    help = "Create, show or delete the DynamoDB tables of this deployment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["create", "status", "delete"])
        parser.add_argument("--json", action="store_true", help="print the status as JSON")
        parser.add_argument("--yes", action="store_true", help="delete without asking")

    def handle(self, *_: Any, **options: Any) -> None:
        getattr(self, f"_{options['action']}")(**options)

    def _create(self, **_: Any) -> None:
        for name, created in tables.create_all():
            self.stdout.write(f"{name}: {'created' if created else 'already there'}")

    def _status(self, **options: Any) -> None:
        found = [tables.status(name) for name in tables.registered()]
        if options["json"]:
            self.stdout.write(json.dumps([asdict(table) for table in found], indent=2))
            return
        for table in found:
            extras = [
                f"{table.rows} rows",
                f"TTL on {table.ttl}" if table.ttl else "no TTL",
                "stream" if table.stream else "no stream",
                "point-in-time recovery" if table.point_in_time_recovery else "no recovery",
                "protected" if table.deletion_protection else "not protected",
            ]
            self.stdout.write(f"{table.name}: {table.state}, {', '.join(extras)}")

    def _delete(self, **options: Any) -> None:
        names = list(tables.registered())
        if not options["yes"]:
            self.stdout.write("\n".join(names))
            answer = input("Delete these tables and all that is in them? Type 'delete': ")
            if answer.strip() != "delete":
                message = "nothing was deleted"
                raise CommandError(message)
        try:
            for name in tables.delete_all():
                self.stdout.write(f"{name}: deleted")
        except PermissionError as error:
            raise CommandError(str(error)) from error
