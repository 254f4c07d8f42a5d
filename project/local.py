"""MiniStack, the AWS emulator that `make demo` and the tests run against."""

import importlib.util
import os
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

import psutil

HOST = "127.0.0.1"
# MiniStack accepts any credentials; these make botocore sign its requests.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
REGION = "eu-west-1"
_LONGEST_STOP = 30.0
_LONGEST_WRITE = 600.0


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
            # A proxy that is set for the outside must not be asked for this machine.
            "NO_PROXY": f"{HOST},localhost",
            "no_proxy": f"{HOST},localhost",
        }

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def _pid_file(self) -> Path:
        return self.directory / "ministack.pid"

    @property
    def log_file(self) -> Path:
        return self.directory / "ministack.log"

    def start(self, *, timeout: float = 120.0) -> None:
        """Start the process and wait until it answers.

        Raises
        ------
        MiniStackError
            When it is not installed, its folder cannot be written, or it does not answer.
        """
        if importlib.util.find_spec("ministack") is None:
            message = "ministack is not installed; run 'make demo' or 'make test', which install it"
            raise MiniStackError(message)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._stop_orphan()
            log = self.log_file.open("wb")
        except OSError as error:
            message = f"cannot write to {self.directory}: {error.strerror}; move it away or mend it"
            raise MiniStackError(message) from error
        if _answers(self.port):
            log.close()
            message = f"port {self.port} is in use; MiniStack needs another one"
            raise MiniStackError(message)
        with log:
            self._process = subprocess.Popen(  # our own program, no shell
                [sys.executable, "-m", "ministack"],
                env={**_clean_environment(os.environ), **self._settings()},
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._pid_file.write_text(f"{self._process.pid} {self.port}\n", encoding="utf-8")
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                message = f"MiniStack stopped at once; {self.log_file} says why"
                raise MiniStackError(message)
            if _answers(self.port):
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

    def _stop_orphan(self) -> None:
        """Stop a process whose parent was killed: it holds the state and would overwrite it."""
        try:
            pid, port = map(int, self._pid_file.read_text(encoding="utf-8").split())
        except (FileNotFoundError, ValueError):
            return
        # Only if it answers there is it MiniStack; otherwise the number may be another's by now.
        if _answers(port):
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + _LONGEST_WRITE
            while _is_running(pid) and time.monotonic() < deadline:
                time.sleep(0.05)
        self._pid_file.unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop the process; with ``persist`` it writes its state first."""
        # What is killed while it writes has lost all of it: a year of counters takes its time.
        timeout = _LONGEST_WRITE if self.persist else _LONGEST_STOP
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._pid_file.unlink(missing_ok=True)

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


def _answers(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{HOST}:{port}/_ministack/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Drop what would point MiniStack's own clients at another endpoint or account."""
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}
