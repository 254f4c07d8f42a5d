"""The zip that goes to Lambda: our code, its packages and static files, and no more."""

import os
import shutil
import tempfile
import zipfile
from pathlib import Path

from project.aws.archive import add_tree, compile_tree, remove, unpacked_size
from project.aws.assets import MANIFEST, collect_once
from project.aws.stages import StageError

MAX_BYTES = 250 * 1024 * 1024
PROJECT = frozenset(
    {
        "core",
        "manage.py",
        "project",
        "recommendations",
        "templates",
        "users",
        # The staff site shows the schedule of the jobs.
        "zappa_settings.json",
    }
)
# Written by Zappa: its settings for the function and its way into Django.
GENERATED = frozenset({"django_zappa_app.py", "zappa_settings.py"})


def rebuild(path: Path, packages: Path, *, static: bool) -> int:
    """Rewrite Zappa's zip in place and return its unpacked size in bytes.

    Parameters
    ----------
    path
        The zip as Zappa made it: everything in the project's folder.
    packages
        The zip of packages to put beside our code.
    static
        Whether the function serves static files.

    Raises
    ------
    StageError
        When the result is larger than Lambda takes.
    """
    with tempfile.TemporaryDirectory(prefix="alsobought-bundle-") as folder:
        root = Path(folder)
        with zipfile.ZipFile(path) as made_by_zappa:
            made_by_zappa.extractall(root)
        remove(entry for entry in root.iterdir() if entry.name not in PROJECT | GENERATED)
        remove([root / "recommendations" / "fixtures", *root.rglob("__pycache__")])
        compile_tree(root)
        if static:
            _add_static(root / "staticfiles")
        shutil.copyfile(packages, path)
        add_tree(root, path)
    size = unpacked_size(path)
    if size >= MAX_BYTES:
        message = (
            f"the package is {size / 2**20:.0f} MB unpacked and Lambda takes "
            f"{MAX_BYTES // 2**20} MB; take something out of the requirements of this stage"
        )
        raise StageError(message)
    return size


def _add_static(target: Path) -> None:
    collect_once(target)
    if os.environ.get("STATIC_ADDRESS"):
        # They are elsewhere; pages only need to know their names.
        remove(entry for entry in target.iterdir() if entry.name != MANIFEST)
