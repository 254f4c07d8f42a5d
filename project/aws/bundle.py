"""The zip that goes to Lambda: only what the function needs, compiled, with its static files."""

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from project.aws.packages import ROOT
from project.aws.stages import StageError

MAX_BYTES = 250 * 1024 * 1024
PROJECT = frozenset({"core", "manage.py", "project", "recommendations", "templates", "users"})
# Written by Zappa: its settings for the function and its way into Django.
GENERATED = frozenset({"django_zappa_app.py", "zappa_settings.py"})
# The AWS services that the functions call; botocore carries the description of all four hundred.
SERVICES = frozenset({"dynamodb", "lambda", "ssm", "sts"})
# Every file with the same date, so that equal contents make an equal zip.
_DATE = (1980, 1, 1, 0, 0, 0)


def rebuild(path: Path, packages: Path) -> int:
    """Rewrite Zappa's zip in place and return its unpacked size in bytes.

    Parameters
    ----------
    path
        The zip as Zappa made it.
    packages
        The folder whose packages it holds, in the layout of a virtual environment.

    Raises
    ------
    StageError
        When the result is larger than Lambda takes.
    """
    with tempfile.TemporaryDirectory(prefix="alsobought-bundle-") as folder:
        root = Path(folder)
        with zipfile.ZipFile(path) as archive:
            archive.extractall(root)
        installed = {entry.name for entry in packages.glob("lib/python*/site-packages/*")}
        _keep_only(root, PROJECT | GENERATED | installed)
        for unwanted in _unwanted(root):
            _remove(unwanted)
        _collect_static(root / "staticfiles")
        _compile(root)
        size = sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
        if size >= MAX_BYTES:
            message = (
                f"the package is {size / 2**20:.0f} MB unpacked and Lambda takes "
                f"{MAX_BYTES // 2**20} MB; take something out of the requirements of this stage"
            )
            raise StageError(message)
        _pack(root, path)
    return size


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _keep_only(root: Path, names: frozenset[str] | set[str]) -> None:
    for entry in root.iterdir():
        if entry.name not in names:
            _remove(entry)


def _unwanted(root: Path) -> Iterator[Path]:
    """Find what no function reads while it runs."""
    yield root / "bin"
    yield root / "recommendations" / "fixtures"
    for entry in (root / "botocore" / "data").iterdir():
        if entry.is_dir() and entry.name not in SERVICES:
            yield entry
    for package in ("examples", "f2py"):
        yield root / "numpy" / package
    for pattern in ("**/LC_MESSAGES", "**/tests", "**/__pycache__"):
        yield from list(root.glob(pattern))
    for pattern in ("**/*.pyi", "**/*.pxd", "**/*.a", "**/*.h"):
        yield from list(root.glob(pattern))
    # Collected into one folder, with names that change with the contents.
    yield from list(root.glob("**/static"))


def _collect_static(target: Path) -> None:
    """Gather the static files of all apps under hashed names, compressed beside the plain ones."""
    environment = {
        **os.environ,
        "SECRET_KEY": "collecting static files needs no secret",
        "SECRET_KEY_PARAMETER": "",
        "STATIC_HASHED": "true",
        "STATIC_ROOT": str(target),
    }
    command = [sys.executable, str(ROOT / "manage.py"), "collectstatic", "--no-input", "-v", "0"]
    subprocess.run(command, check=True, env=environment, cwd=ROOT)  # noqa: S603  # our own program


def _compile(root: Path) -> None:
    # Lambda's copies carry no useful date, so byte code that is checked against the date of its
    # source would be thrown away at each cold start.
    compileall.compile_dir(
        root,
        quiet=2,
        workers=0,
        stripdir=str(root),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def _pack(root: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file in sorted(root.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(file.relative_to(root).as_posix(), _DATE)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, file.read_bytes())
