"""Cells of CSV files that a spreadsheet will open."""

# A spreadsheet would run a cell that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: str) -> str:
    """Return a text as a cell that is shown and never run: what could be a formula gets a ``'``."""
    return f"'{text}" if text.startswith(_FORMULA) else text
