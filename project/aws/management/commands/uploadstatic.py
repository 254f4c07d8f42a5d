"""Send the static files to the bucket that the stage's STATIC_ADDRESS shows."""

import os
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from project.aws.assets import collect, upload
from project.aws.stages import StageError


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bucket", default=os.environ.get("STATIC_BUCKET", ""))

    def handle(self, **options: Any) -> None:
        bucket = options["bucket"]
        if not (bucket and settings.STATIC_ADDRESS):
            raise CommandError("set STATIC_BUCKET, and in STATIC_ADDRESS where it is to be seen")
        # The bucket's name may be the first part of the path, or stand in the domain.
        prefix = urlsplit(settings.STATIC_ADDRESS).path.lstrip("/").removeprefix(f"{bucket}/")
        with tempfile.TemporaryDirectory(prefix="alsobought-static-") as folder:
            collect(Path(folder))
            try:
                count = upload(
                    Path(folder),
                    bucket=bucket,
                    prefix=prefix,
                    region=settings.DYNAMODB["REGION"],
                )
            except (StageError, BotoCoreError) as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"{count} new files in {bucket}, shown at {settings.STATIC_ADDRESS}")
