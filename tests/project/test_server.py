"""Without Lambda: gunicorn and the follower of the stream, as the guide starts them."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from project.local import free_port
from tests.deployment import GUIDE, ROOT, eventually, send

HTTPS = {"X-Forwarded-Proto": "https"}


@contextmanager
def running(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "INSECURE_HTTP": "", "JSON_LOGS": "true", **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, log.read_text()


def documented(word: str) -> list[str]:
    """Return the guide's command with this word, run by this environment."""
    (line,) = re.findall(rf"^{word}.*$", GUIDE, re.MULTILINE)
    program, *arguments = line.split()
    if program == "python":
        return [sys.executable, *arguments]
    return [sys.executable, "-m", "gunicorn", *arguments]


def manage(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.strip()


def test_a_server_answers_and_follows_the_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tables of its own: the stream of the others still holds what all tests before have written.
    monkeypatch.setenv("TABLE_PREFIX", f"{os.environ['TABLE_PREFIX']}server-")
    manage("tables", "create")
    key = {
        "Authorization": f"Api-Key {manage('createkey', '--name', 'shop', '--all-scopes')}",
        "Content-Type": "application/json",
        **HTTPS,
    }
    port = free_port()
    server = [part.replace("8000", str(port)) for part in documented("gunicorn ")]

    def get(path: str) -> tuple[int, str]:
        status, _, body = send(port, "GET", path, key)
        return status, body

    with ExitStack() as stack:
        logs = tmp_path / "server.log", tmp_path / "stream.log"
        stack.enter_context(running(server, logs[0]))
        stack.enter_context(running(documented("python manage.py followstream"), logs[1]))
        eventually(lambda: get("/api/v1/health/live/")[0] == 200, seconds=60)
        assert send(port, "GET", "/admin/login/", HTTPS)[0] == 200
        assert send(port, "GET", "/admin/login/", {})[0] == 301, "plain HTTP is sent to HTTPS"

        purchase = {"user_id": "ada", "type": "purchase", "items": [{"item_id": "cake-stand"}]}
        status, _, body = send(port, "POST", "/api/v1/events/", key, json.dumps(purchase))
        assert status == 202, body
        eventually(
            lambda: (
                "cake-stand" in get("/api/v1/recommendations/users/ada/buy-again/")[1]
                or "cake-stand" in get("/api/v1/recommendations/popular/")[1]
            ),
            seconds=60,
        )
    assert "ada" not in logs[0].read_text()
