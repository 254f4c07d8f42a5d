"""A real `make demo` for tests, on data that is loaded once for all of them."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from project.local import HOST, free_port

ROOT = Path(__file__).parent.parent
_PATIENCE = 240.0


class Demo:
    """`make demo` with its state in ``folder/.local``."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.directory = folder / ".local"
        self.port = port or free_port()
        self._log = folder / "demo.log"
        with self._log.open("ab") as log:
            self.make = subprocess.Popen(
                ["make", "demo", f"PORT={self.port}", f"BIN={Path(sys.executable).parent}",
                 "INSTALL=true"],
                cwd=ROOT,
                # Counting a year takes minutes of processor time, which other tests need.
                env={**os.environ, "DEMO_DIRECTORY": str(self.directory), "DEMO_COUNT": "false"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8")

    @property
    def login(self) -> dict[str, str]:
        lines = (self.directory / "demo.env").read_text(encoding="utf-8").splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    def python(self) -> psutil.Process:
        """Return the process that make started."""
        (child,) = psutil.Process(self.make.pid).children()
        return child

    def wait_until_serving(self) -> float:
        """Return the seconds until it answers."""
        started = time.monotonic()
        while time.monotonic() < started + _PATIENCE:
            assert self.make.poll() is None, self.output
            try:
                with urllib.request.urlopen(f"http://{HOST}:{self.port}/api/v1/health/ready/"):
                    return time.monotonic() - started
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise AssertionError(self.output)

    def wait_for_output(self, text: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while text not in self.output:
            assert time.monotonic() < deadline, self.output
            assert self.make.poll() is None, self.output
            time.sleep(0.05)

    def stop(self) -> int:
        """Send SIGTERM to make; return its exit code once all is down."""
        if self.make.poll() is None:
            self.make.send_signal(signal.SIGTERM)
        return self.make.wait(60)

    def interrupt(self) -> int:
        """Send SIGINT to make and what it started, as a terminal does at Ctrl-C."""
        python = self.python()
        self.make.send_signal(signal.SIGINT)
        python.send_signal(signal.SIGINT)
        return self.make.wait(60)

    def call(self, path: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  # our own loopback address
            f"{self.login['BASE_URL']}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Api-Key {self.login['API_KEY']}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return json.load(answer)


def loaded_folder(factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of a loaded and stopped demo.

    The first process to ask loads the data, the way the worst start goes: killed in the middle of
    the import, with MiniStack left behind, then started again.
    """
    # What all workers of this run share; without workers the parent would outlive the run.
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    original = shared / "demo"
    original.mkdir(exist_ok=True)
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "demo.loaded").exists():
            first = Demo(original)
            first.wait_for_output("times are moved")
            time.sleep(1)
            first.python().kill()
            first.make.wait()
            second = Demo(original)
            try:
                seconds = second.wait_until_serving()
            finally:
                second.stop()
            (shared / "demo.loaded").write_text(f"{seconds:.1f} s\n")
    return Path(shutil.copytree(original, factory.mktemp("demo-copy") / "copy"))
