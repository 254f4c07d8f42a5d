"""``manage.py createstaff``: create a staff account."""

import getpass
import os
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.validation import InvalidInputError
from users.permissions import ROLES
from users.services import accounts


class Command(BaseCommand):
    help = (
        "Create a staff account. The password comes from --password, the environment variable "
        "STAFF_PASSWORD, or a prompt; if none is given, one is made and printed once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", required=True)
        parser.add_argument("--password", help="seen by others on this machine; better prompted")
        parser.add_argument("--role", choices=ROLES, default="viewer")

    def handle(self, *_: Any, **options: Any) -> None:
        password = options["password"] or os.environ.get("STAFF_PASSWORD") or self._ask()
        generated = "" if password else secrets.token_urlsafe(18)
        try:
            account = accounts.create(
                username=options["username"],
                password=password or generated,
                role=options["role"],
            )
        except (InvalidInputError, accounts.UsernameTakenError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"created {account.role} {account.username}")
        if generated:
            self.stdout.write(f"password, shown only now: {generated}")

    def _ask(self) -> str:
        if not sys.stdin.isatty():
            return ""
        return getpass.getpass("Password (empty: make one): ")
