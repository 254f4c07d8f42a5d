#!/usr/bin/env python
"""Run administrative commands."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    if "ZAPPA_STAGE" in os.environ:
        # Work on a deployed stage, with the environment that its function has.
        from project.aws.stages import StageError, current

        try:
            current().apply()
        except StageError as error:
            sys.exit(str(error))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    execute_from_command_line(sys.argv)
