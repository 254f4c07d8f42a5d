"""The packages that a function carries, installed from the locks and nothing else.

Zappa packages whatever virtual environment is active, with linters and emulator if that is the
developer's. A function gets its own set instead: shrunk and compiled once, then kept as a zip
under a name that changes with the locks.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from project.aws.archive import add_tree, compile_tree, remove
from project.aws.stages import StageError

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".local" / "packages"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# numpy and scipy need a C library that Lambda has from its Python 3.12 runtime on.
OLDEST_LAMBDA_PYTHON = (3, 12)
LAMBDA_PLATFORM = "manylinux_2_28"
# Packages that ours only need for what we never ask of them: schemas as YAML, checks of schemas.
UNUSED = (
    "_yaml",
    "attr",
    "attrs",
    "django/contrib/gis",
    "jsonschema",
    "jsonschema_specifications",
    "referencing",
    "rpds",
    "yaml",
)
# The AWS services that the functions call, and what their addresses begin with; botocore carries
# the description of all four hundred.
SERVICES = {
    "dynamodb": "dynamodb",
    "dynamodbstreams": "streams.dynamodb",
    "lambda": "lambda",
    "s3": "s3",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
    "stepfunctions": "states",
    "sts": "sts",
}


def archive(roles: frozenset[str], *, emulated: bool) -> Path:
    """Return the zip of packages for these roles, made now if it is not there yet.

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
    locks = _locks(roles)
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in [Path(__file__), *locks]))
    digest.update(f"{sys.platform if emulated else LAMBDA_PLATFORM} {PYTHON}".encode())
    path = CACHE / f"{locks[0].stem}-{digest.hexdigest()[:12]}.zip"
    if not path.exists():
        print(f"Installing the packages of requirements/{locks[0].name}..")
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="alsobought-packages-") as folder:
            _install(Path(folder), locks, emulated=emulated)
            remove(_unwanted(Path(folder)))
            _shorten_endpoints(Path(folder) / "botocore" / "data" / "endpoints.json")
            compile_tree(Path(folder))
            partial = path.with_suffix(f".{os.getpid()}")
            add_tree(Path(folder), partial)
            partial.rename(path)
    return path


def empty_environment() -> Path:
    """Return a virtual environment without packages, for Zappa to find nothing in."""
    home = CACHE / "no-packages"
    (home / "lib" / f"python{PYTHON}" / "site-packages").mkdir(parents=True, exist_ok=True)
    return home


def _locks(roles: frozenset[str]) -> list[Path]:
    name = "jobs" if "jobs" in roles else "api"
    return [ROOT / "requirements" / f"{name}.txt", ROOT / "requirements" / "lambda.txt"]


def _install(target: Path, locks: list[Path], *, emulated: bool) -> None:
    options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    options += ["--target", str(target)]
    for path in locks:
        options += ["-r", str(path)]
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        tool = [uv, "pip", "install", "--python", sys.executable]
        platform = ["--python-platform", f"x86_64-{LAMBDA_PLATFORM}"]
    else:
        tool = [sys.executable, "-m", "pip", "install", "--no-compile"]
        platform = ["--implementation", "cp", "--python-version", PYTHON]
        for tag in (LAMBDA_PLATFORM, "manylinux_2_17", "manylinux2014"):
            platform += ["--platform", f"{tag}_x86_64"]
    try:
        subprocess.run([*tool, *([] if emulated else platform), *options], check=True)  # noqa: S603  # our own arguments
    except (subprocess.CalledProcessError, OSError) as error:
        message = f"could not install the packages of {locks[0].name}; the lines above say why"
        raise StageError(message) from error


def _unwanted(root: Path) -> Iterator[Path]:
    """Find what no function reads while it runs."""
    yield root / "bin"
    yield from (root / name for name in UNUSED)
    for entry in (root / "botocore" / "data").iterdir():
        if entry.is_dir() and entry.name not in SERVICES:
            yield entry
    # Translations (the site has one language), tests, and static files, which are collected into
    # one folder with names that change with the contents.
    for pattern in ("**/LC_MESSAGES", "**/tests", "**/static", "**/*.pyi", "**/*.pxd", "**/*.a"):
        yield from root.glob(pattern)


def _shorten_endpoints(path: Path) -> None:
    """Keep the services that are called; reading all takes a tenth of a cold start."""
    endpoints = json.loads(path.read_text(encoding="utf-8"))
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {
            name: services[name] for name in SERVICES.values() if name in services
        }
    path.write_text(json.dumps(endpoints), encoding="utf-8")
