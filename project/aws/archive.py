"""Folders of Python code as zips that Lambda starts from quickly."""

import compileall
import py_compile
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

# Every file with the same date, so that equal contents make an equal zip.
_DATE = (1980, 1, 1, 0, 0, 0)


def compile_tree(root: Path) -> None:
    """Write byte code beside all sources."""
    # Lambda's copies carry no useful date, so byte code that is checked against the date of its
    # source would be thrown away at each cold start; pip leaves such code behind.
    compileall.compile_dir(
        root,
        force=True,
        quiet=2,
        workers=0,
        stripdir=str(root),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def remove(paths: Iterable[Path]) -> None:
    """Delete files and whole folders; what is not there is no error."""
    for path in list(paths):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def add_tree(root: Path, path: Path) -> None:
    """Append all files below ``root`` to a zip, which is made if it is not there."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(root.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(file.relative_to(root).as_posix(), _DATE)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, file.read_bytes())


def unpacked_size(path: Path) -> int:
    """Return how many bytes the files of a zip take once unpacked."""
    with zipfile.ZipFile(path) as archive:
        return sum(entry.file_size for entry in archive.infolist())
