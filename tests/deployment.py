"""A deployment to MiniStack as docs/operations.md says it, for the test of it and a benchmark."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from project.local import free_port

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
CHAPTER = re.search(r"^## Deploy to MiniStack\n(.*?)(?=^## |\Z)", GUIDE, re.MULTILINE | re.DOTALL)
DOCUMENTED_PORT = "4566"
STARTS_MINISTACK = " ministack\n"
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".local", "staticfiles", "*_cache", "__pycache__", "*.zip"
)


class Shell:
    """A terminal: runs blocks of commands one after the other; exported variables stay."""

    def __init__(self, folder: Path, environment: dict[str, str], port: int) -> None:
        self.folder = folder
        self.environment = environment
        self.port = port
        self._kept = folder / ".environment"

    def command(self, block: str) -> str:
        return block.replace(DOCUMENTED_PORT, str(self.port))

    def run(self, block: str, *, timeout: float = 400, **variables: str) -> str:
        script = f"set -euo pipefail\n{self.command(block)}\nenv -0 > {self._kept}"
        started = time.monotonic()
        answer = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        print(f"{time.monotonic() - started:5.1f} s  {block.splitlines()[-1]}")
        assert answer.returncode == 0, f"{block}\n{answer.stdout}"
        if variables:
            # They were for this block alone.
            return answer.stdout
        lines = self._kept.read_text().split("\0")
        self.environment = dict(line.split("=", 1) for line in lines if "=" in line)
        return answer.stdout


class Guide:
    """The blocks of the chapter; each is taken once, and by the end all must have been."""

    def __init__(self) -> None:
        assert CHAPTER is not None
        self.blocks = re.findall(r"```sh\n(.*?)```", CHAPTER[1], re.DOTALL)

    def take(self, word: str) -> str:
        found = [block for block in self.blocks if word in block]
        assert len(found) == 1, f"{word!r} must name one block: {found}"
        self.blocks.remove(found[0])
        return found[0]


def terminal(folder: Path) -> Shell:
    """Return a terminal in a copy of the tree, with nothing of ours in its environment."""
    tree = folder / "alsobought"
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    # The packages are installed once and kept; they only depend on the locks.
    packages = ROOT / ".local" / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    (tree / ".local").mkdir()
    (tree / ".local" / "packages").symlink_to(packages)
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    tools = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "UV_", "SSL_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return Shell(tree, {**kept, **tools, "PATH": path}, free_port())


@contextmanager
def running_ministack(shell: Shell) -> Iterator[None]:
    """Run MiniStack as the guide starts it."""
    command = shell.command(f"exec env {Guide().take(STARTS_MINISTACK)}")
    log = (shell.folder.parent / "ministack.log").open("wb")
    with log, tempfile.TemporaryDirectory() as state:
        process = subprocess.Popen(
            ["bash", "-c", command],
            cwd=state,
            env=shell.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            path = "/_ministack/health"
            eventually(lambda: send(shell.port, "GET", path, {})[0] == 200, seconds=30)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def eventually(condition: Callable[[], Any], *, seconds: float) -> Any:
    """Return the first true answer of a condition, or fail after some seconds."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = condition()
        except OSError:
            answer = None
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)


def send(
    port: int, method: str, path: str, headers: dict[str, str], body: str | bytes | None = None
) -> tuple[int, Any, str]:
    """Send a request to this machine, whatever the ``Host`` header says.

    The C library may not know that names below "localhost" are this machine.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


class Site:
    """The deployed site as a program sees it."""

    def __init__(self, base_url: str, key: str) -> None:
        self.base_url = base_url
        self._key = key

    def call(
        self, path: str, *, method: str = "GET", body: Any = None, anonymous: bool = False
    ) -> tuple[int, Any, str]:
        parts = urlsplit(self.base_url)
        assert parts.port is not None
        headers = {"Host": parts.netloc, "Content-Type": "application/json"}
        if not anonymous:
            headers["Authorization"] = f"Api-Key {self._key}"
        sent = None if body is None else json.dumps(body)
        return send(parts.port, method, parts.path + path, headers, sent)

    def recommendations(self, user_id: str) -> Any:
        status, _, body = self.call(f"/api/v1/recommendations/users/{user_id}/")
        assert status == 200, body
        return json.loads(body)


def aws(shell: Shell) -> Callable[[str], Any]:
    names = {
        "endpoint_url": "AWS_ENDPOINT_URL",
        "region_name": "AWS_DEFAULT_REGION",
        "aws_access_key_id": "AWS_ACCESS_KEY_ID",
        "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
    }
    options = {option: shell.environment[name] for option, name in names.items()}
    return lambda service: boto3.client(service, **options)
