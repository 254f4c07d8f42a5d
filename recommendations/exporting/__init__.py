"""Write out what a shop has here: events, products, customers, and everyone's ready list."""

from recommendations.exporting.files import CONTENT_TYPES, Format, encode, file_name
from recommendations.exporting.rows import PERMISSIONS, Kind, rows

__all__ = [
    "CONTENT_TYPES",
    "PERMISSIONS",
    "Format",
    "Kind",
    "encode",
    "file_name",
    "rows",
]
