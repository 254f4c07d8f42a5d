"""The packages that a function carries, installed from the locks and nothing else.

Zappa packages whatever virtual environment is active, with linters and emulator if that is the
developer's. A stage gets a folder of its own instead, in a virtual environment's layout.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from project.aws.stages import StageError

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".local" / "packages"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# numpy and scipy need a C library that Lambda has from its Python 3.12 runtime on.
OLDEST_LAMBDA_PYTHON = (3, 12)
LAMBDA_PLATFORM = "manylinux_2_28"


def locks(roles: frozenset[str]) -> list[Path]:
    """Return the lock files of a function with these roles."""
    name = "jobs" if "jobs" in roles else "api"
    return [ROOT / "requirements" / f"{name}.txt", ROOT / "requirements" / "lambda.txt"]


def install(roles: frozenset[str], *, emulated: bool) -> Path:
    """Install the packages for these roles, unless they are there, and return their folder.

    ``emulated`` says that an emulator will run them on this machine, not Lambda.

    Raises
    ------
    StageError
        When this Python is too old for Lambda, or the installation fails.
    """
    if not emulated and sys.version_info < OLDEST_LAMBDA_PYTHON:
        wanted = ".".join(map(str, OLDEST_LAMBDA_PYTHON))
        message = f"deploy to AWS from Python {wanted} or later: its runtime is the first with a C"
        message += f" library new enough for numpy; this is Python {PYTHON}"
        raise StageError(message)
    files = locks(roles)
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in files))
    digest.update(f"{sys.platform if emulated else LAMBDA_PLATFORM} {PYTHON}".encode())
    home = CACHE / digest.hexdigest()[:16]
    if not home.exists():
        partial = home.with_name(f"{home.name}.{os.getpid()}")
        target = partial / "lib" / f"python{PYTHON}" / "site-packages"
        command = _command(target, files, emulated=emulated)
        try:
            subprocess.run(command, check=True)  # noqa: S603  # our own arguments, no shell
            partial.rename(home)
        except (subprocess.CalledProcessError, OSError) as error:
            shutil.rmtree(partial, ignore_errors=True)
            if not home.exists():
                message = f"could not install the packages of {files[0].name}: {error}"
                raise StageError(message) from error
    return home


def _command(target: Path, files: list[Path], *, emulated: bool) -> list[str]:
    options = ["--quiet", "--no-deps", "--require-hashes", "--target", str(target)]
    for path in files:
        options += ["-r", str(path)]
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        tool = [uv, "pip", "install", "--python", sys.executable, "--only-binary", ":all:"]
        platform = ["--python-platform", f"x86_64-{LAMBDA_PLATFORM}"]
    else:
        tool = [sys.executable, "-m", "pip", "install", "--only-binary", ":all:"]
        platform = ["--implementation", "cp", "--python-version", PYTHON]
        for tag in (LAMBDA_PLATFORM, "manylinux_2_17", "manylinux2014"):
            platform += ["--platform", f"{tag}_x86_64"]
    return [*tool, *([] if emulated else platform), *options]
