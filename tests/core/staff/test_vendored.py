"""Vendored browser code is exactly what its list says."""

import hashlib
import re
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "static" / "vendor"
ROW = re.compile(r"^\| `(?P<file>[^`]+)` \|.*`(?P<hash>[0-9a-f]{64})` \|$", re.MULTILINE)


def test_every_file_is_listed_with_its_hash() -> None:
    listed = {row["file"]: row["hash"] for row in ROW.finditer((FOLDER / "README.md").read_text())}
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in FOLDER.iterdir()
        if path.suffix in {".js", ".css"}
    }

    assert listed == found
