"""Bring tables back as they were at a moment of the last 35 days, beside those there are."""

import time
from collections.abc import Iterator
from datetime import datetime

from core.dynamodb.connection import connection
from core.dynamodb.tables import registered, status, table_name

# DynamoDB takes its time even for small tables: it makes new ones.
_PATIENCE_SECONDS = 24 * 3600.0
_PAUSE_SECONDS = 10.0


def restore_all(*, prefix: str, at: datetime | None = None) -> Iterator[str]:
    """Restore all tables of this deployment under another prefix; yield each name when it is done.

    What a restored table lacks, such as its stream and its own recovery, is set by
    `core.dynamodb.tables.create_all` once the deployment has the new prefix.

    Parameters
    ----------
    prefix
        What the new names start with, instead of this deployment's prefix.
    at
        The moment, with its time zone; the latest possible when it is not given.

    Raises
    ------
    ValueError
        When one of the new names is taken; nothing has been restored then.
    botocore.exceptions.ClientError
        When the moment is outside of what can be restored.
    """
    targets = {name: f"{prefix}{name.removeprefix(table_name(''))}" for name in registered()}
    taken = [target for target in targets.values() if status(target).state != "MISSING"]
    if taken:
        message = f"{', '.join(taken)}: there already; choose another prefix"
        raise ValueError(message)
    moment = {"UseLatestRestorableTime": True} if at is None else {"RestoreDateTime": at}
    client = connection().client
    for name, target in targets.items():
        client.restore_table_to_point_in_time(
            SourceTableName=name, TargetTableName=target, **moment
        )
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for target in targets.values():
        while status(target).state != "ACTIVE":
            if time.monotonic() > deadline:
                message = f"{target} is still being restored; look at it in AWS"
                raise TimeoutError(message)
            time.sleep(_PAUSE_SECONDS)
        yield target
