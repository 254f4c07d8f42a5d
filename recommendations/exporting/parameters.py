"""What an export job is told."""

import msgspec

from recommendations.exporting.files import Format
from recommendations.exporting.rows import Kind


class ExportParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rows to export, and as what."""

    kind: Kind
    format: Format = "jsonl"
