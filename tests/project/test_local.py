"""MiniStack starts, keeps its state across a clean stop, and says what is wrong if it cannot."""

import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from project import local
from project.local import CREDENTIALS, REGION, MiniStack, MiniStackError


def queues(ministack: MiniStack) -> list[str]:
    client = boto3.client(
        "sqs",
        endpoint_url=ministack.url,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    found = client.list_queues().get("QueueUrls", [])
    client.create_queue(QueueName=f"queue-{len(found)}")
    return [url.rpartition("/")[2] for url in found]


def test_state_is_kept_only_if_asked(tmp_path: Path) -> None:
    with MiniStack(tmp_path / "kept", persist=True) as ministack:
        assert queues(ministack) == []
    with MiniStack(tmp_path / "kept", persist=True) as ministack:
        assert queues(ministack) == ["queue-0"]
    with MiniStack(tmp_path / "other") as ministack:
        assert queues(ministack) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(MiniStackError, match=f"cannot write to {tmp_path / 'file'}"):
        MiniStack(tmp_path / "file").start()


def test_a_missing_ministack_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local.importlib.util, "find_spec", lambda _: None)

    with pytest.raises(MiniStackError, match="ministack is not installed; run 'make demo'"):
        MiniStack(tmp_path).start()


def test_a_port_that_another_one_has_is_told(tmp_path: Path) -> None:
    with MiniStack(tmp_path / "first") as running:
        second = MiniStack(tmp_path / "second", port=running.port)
        with pytest.raises(MiniStackError, match=f"port {running.port} is in use"):
            second.start()


def test_a_process_that_ends_at_once_points_to_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local.sys, "executable", "/bin/false")

    with pytest.raises(MiniStackError, match=r"stopped at once; .*ministack\.log says why"):
        MiniStack(tmp_path).start()


def test_a_process_whose_parent_was_killed_is_stopped_cleanly_first(tmp_path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from project.local import MiniStack
ministack = MiniStack(Path(sys.argv[1]), persist=True)
ministack.start()
print(ministack.pid, ministack.port, flush=True)
os._exit(1)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    pid, port = map(int, done.stdout.split())
    orphan = MiniStack(tmp_path, port=port)
    assert queues(orphan) == []

    with MiniStack(tmp_path, persist=True) as successor:
        assert not local._is_running(pid)
        assert queues(successor) == ["queue-0"]
