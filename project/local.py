"""MiniStack, the AWS emulator that `make demo` and the tests run against."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
# MiniStack accepts any credentials; these make botocore sign its requests.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
REGION = "eu-west-1"


class MiniStackError(RuntimeError):
    """MiniStack could not be started; the message says what to do."""


def free_port() -> int:
    """Return a TCP port that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class MiniStack:
    """One MiniStack process, listening on the loopback address only.

    Parameters
    ----------
    directory
        Where it keeps its log and, with ``persist``, its state.
    persist
        Keep the state across a clean stop.
    enforce_iam
        Refuse calls that the caller's IAM policies do not allow.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        persist: bool = False,
        enforce_iam: bool = False,
    ) -> None:
        self.directory = directory
        self.port = port or free_port()
        self.persist = persist
        self.enforce_iam = enforce_iam
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that point AWS clients at this process."""
        return {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def start(self, *, timeout: float = 30.0) -> None:
        """Start the process and wait until it answers.

        Raises
        ------
        MiniStackError
            When it is not installed, its folder cannot be written, or it does not answer.
        """
        program = Path(sys.executable).with_name("ministack")
        command = str(program) if program.exists() else shutil.which("ministack")
        if command is None:
            message = "ministack is not installed; run 'make demo' or 'make test', which install it"
            raise MiniStackError(message)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            log = (self.directory / "ministack.log").open("wb")
        except OSError as error:
            message = f"cannot write to {self.directory}: {error.strerror}; move it away or mend it"
            raise MiniStackError(message) from error
        with log:
            self._process = subprocess.Popen(  # noqa: S603  # our own program, no shell
                [command],
                env={**_clean_environment(os.environ), **self._settings()},
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                message = f"MiniStack stopped at once; {self.directory / 'ministack.log'} says why"
                raise MiniStackError(message)
            if self._answers():
                return
            time.sleep(0.05)
        self.stop()
        message = f"MiniStack did not answer within {timeout:.0f} s; see {self.directory}"
        raise MiniStackError(message)

    def _settings(self) -> dict[str, str]:
        return {
            **CREDENTIALS,
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": "localhost",
            "MINISTACK_REGION": REGION,
            "LAMBDA_EXECUTOR": "local",
            "LOG_LEVEL": "WARNING",
            "PERSIST_STATE": "1" if self.persist else "0",
            "S3_PERSIST": "1" if self.persist else "0",
            "STATE_DIR": str(self.directory / "state"),
            "S3_DATA_DIR": str(self.directory / "s3"),
            "AUTH": "true" if self.enforce_iam else "false",
        }

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1) as answer:  # noqa: S310  # our own loopback address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self, *, timeout: float = 30.0) -> None:
        """Stop the process; with ``persist`` it writes its state first."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Drop what would point MiniStack's own clients at another endpoint or account."""
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}
