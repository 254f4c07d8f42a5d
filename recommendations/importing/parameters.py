"""What an import job is told."""

from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from recommendations.entities import EventType
from recommendations.importing.columns import Kind, plain_name
from recommendations.importing.rows import EventRules
from recommendations.importing.runner import Plan, System
from recommendations.importing.s3 import PREFIX
from recommendations.importing.sources import Format, SourceError

# Whoever imports needs what writing the same over the API does.
PERMISSIONS: dict[Kind, str] = {
    "events": "events:write",
    "items": "catalog:write",
    "users": "users:write",
}
# The column, or key, that says in a file of rejected rows why each was rejected.
PROBLEM = "import_problem"


class ImportParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file to import, and how to read it.

    Attributes
    ----------
    key
        Of the file in the bucket.
    columns, ignored
        The field by column, and the columns to leave out.
    types
        Our type of event by the name that the file has for it.
    timezone
        Of times that name none.
    dry_run
        Check the rows, and store nothing.
    after_line
        What comes before is stored already, by a run that was cut short.
    """

    key: Annotated[str, msgspec.Meta(pattern=f"^{PREFIX}[^/]+/[^/]+$")]
    kind: Kind
    format: Format
    system: System | None = None
    columns: dict[str, str] = {}
    ignored: tuple[str, ...] = ()
    types: dict[str, EventType] = {}
    default_type: EventType = "purchase"
    timezone: str | None = None
    dry_run: bool = False
    after_line: int = 0

    @property
    def name(self) -> str:
        """Return what the file is called."""
        return PurePosixPath(self.key).name

    def plan(self) -> Plan:
        """Return how the file is read.

        Raises
        ------
        SourceError
            When there is no such time zone.
        """
        return Plan(
            kind=self.kind,
            format=self.format,
            system=self.system,
            mapped=self.columns,
            ignored=frozenset({*self.ignored, PROBLEM}),
            only_mapped=bool(self.columns),
            rules=EventRules(
                now=datetime.now(UTC),
                default_type=self.default_type,
                timezone=None if self.timezone is None else zone(self.timezone),
                types={plain_name(name): kind for name, kind in self.types.items()},
            ),
            dry_run=self.dry_run,
            after_line=self.after_line,
        )


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its name.

    Raises
    ------
    SourceError
        When there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"there is no time zone {name!r}; try Europe/London or UTC"
        raise SourceError(message) from error
