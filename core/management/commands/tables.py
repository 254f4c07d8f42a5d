"""``manage.py tables create|status|restore|delete``: the DynamoDB tables of this deployment."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from django.core.management.base import BaseCommand, CommandError

from core.dynamodb import tables
from core.dynamodb.restore import restore_all


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = f"{text!r} is no time with its zone, such as 2026-01-31T12:00:00Z"
        raise ArgumentTypeError(message)
    return moment


class Command(BaseCommand):
    help = "Create, show, restore or delete the DynamoDB tables of this deployment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["create", "status", "restore", "delete"])
        parser.add_argument("--json", action="store_true", help="print the status as JSON")
        parser.add_argument("--yes", action="store_true", help="delete without asking")
        parser.add_argument("--prefix", help="restore: what the names of the new tables start with")
        parser.add_argument(
            "--at",
            type=_moment,
            help="restore: the moment, such as 2026-01-31T12:00:00Z; the latest possible without",
        )

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

    def _restore(self, **options: Any) -> None:
        if not options["prefix"]:
            message = "say what the new names start with: --prefix"
            raise CommandError(message)
        try:
            for name in restore_all(prefix=options["prefix"], at=options["at"]):
                self.stdout.write(f"{name}: restored")
        except (ValueError, ClientError) as error:
            raise CommandError(str(error)) from error

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
