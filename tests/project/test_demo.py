"""`make demo` starts from nothing, from what it left, and from what a crash left."""

import gzip
import json
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from project import demo
from project.local import HOST
from tests.demo import Demo, loaded_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return loaded_folder(tmp_path_factory)


@pytest.fixture
def running(folder: Path) -> Iterator[Demo]:
    process = Demo(folder)
    process.wait_until_serving()
    yield process
    process.stop()


def test_data_loaded_in_spite_of_a_kill_is_complete_and_not_doubled(running: Demo) -> None:
    fixtures = Path(demo.__file__).parent.parent / "recommendations" / "fixtures"
    with gzip.open(fixtures / "online_retail_events.jsonl.gz", "rt") as file:
        events = [json.loads(line) for line in file]
    own = [event["timestamp"] for event in events if event["user_id"] == "17841"]

    found: list[dict] = []
    path = "/users/17841/events/?limit=100"
    while path:
        page = running.call(path)
        found += page["results"]
        path = (page["next"] or "").partition("/api/v1")[2]

    assert len(found) == len(own) == len({event["event_id"] for event in found})
    moved = datetime.fromisoformat(found[0]["timestamp"]) - datetime.fromisoformat(max(own))
    newest = max(datetime.fromisoformat(event["timestamp"]) for event in events) + moved
    # The data may have been loaded shortly before midnight.
    assert timedelta(days=0) < datetime.now(UTC) - newest < timedelta(days=3)


def test_recommendations_are_personal_and_carry_readable_names(running: Demo) -> None:
    answer = running.call("/recommendations/users/17850/?limit=5&explain=true&expand=item")

    assert len(answer["results"]) == 5
    assert answer["source"] == "personal"
    assert all(row["because"] for row in answer["results"])
    assert all(row["item"]["name"] != row["item_id"] for row in answer["results"])


def test_what_was_posted_changes_the_list_and_survives_a_stop(folder: Path) -> None:
    first = Demo(folder)
    first.wait_until_serving()
    login = first.login
    assert stat.S_IMODE((folder / ".local" / "demo.env").stat().st_mode) == 0o600
    event = {"user_id": "newcomer", "type": "purchase", "items": [{"item_id": "85123A"}]}
    first.call("/events/", event)

    deadline = time.monotonic() + 10
    while first.call("/recommendations/users/newcomer/")["source"] != "personal":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    first.call("/events/", {**event, "user_id": "last-minute"})
    processes = [first.python(), *first.python().children(recursive=True)]
    first.stop()
    assert not any(process.is_running() for process in processes)

    second = Demo(folder)
    try:
        second.wait_until_serving()
        assert {**second.login, "BASE_URL": ""} == {**login, "BASE_URL": ""}
        for user in ("newcomer", "last-minute"):
            assert len(second.call(f"/users/{user}/events/")["results"]) == 1
            assert second.call(f"/recommendations/users/{user}/")["source"] == "personal"
        assert "loading" not in second.output.rpartition("stopping")[2]
        processes = [second.python(), *second.python().children(recursive=True)]
        second.interrupt()
        assert not any(process.is_running() for process in processes)
        assert "Traceback" not in second.output
    finally:
        second.stop()


def test_a_second_demo_of_the_same_folder_is_refused_in_one_line(
    running: Demo, folder: Path
) -> None:
    other = Demo(folder)

    assert other.make.wait(30) != 0
    assert f"demo: a demo is running in {folder / '.local'} already; stop it first" in other.output
    assert "Traceback" not in other.output


def only_line(folder: Path, *, port: int | None = None) -> str:
    """Return the one line that a demo prints that cannot start."""
    failed = Demo(folder, port=port)
    assert failed.make.wait(60) != 0
    lines = [line for line in failed.output.splitlines() if not line.startswith("make")]
    assert len(lines) == 1, failed.output
    return lines[0]


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]

        line = only_line(tmp_path, port=port)

    assert line == f"demo: port {port} is in use; use another one: make demo PORT={port + 1}"


def test_a_port_that_is_none_is_said_in_one_line(tmp_path: Path) -> None:
    assert "PORT=99999 is not a port" in only_line(tmp_path, port=99999)


def test_a_state_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("a file")

    assert only_line(tmp_path).startswith(f"demo: cannot write to {tmp_path / '.local'}: ")


def test_damaged_state_is_put_aside_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "ministack" / "state"
    state.mkdir(parents=True)
    (state / "dynamodb.json").write_text('{"__ministack_format__": 2, "payl')

    with demo._ministack(tmp_path) as ministack:
        assert ministack.pid is not None

    (aside,) = tmp_path.glob("ministack-damaged-*")
    assert (aside / "state" / "dynamodb.json").exists()
    assert f"the stored data was damaged; it is now in {aside}" in capsys.readouterr().out


def test_a_remembered_day_is_kept_only_while_its_events_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "demo.json"
    monkeypatch.setattr(demo, "_has_events", lambda: True)
    path.write_text('{"last_event": "2026-01-05"}')
    assert demo._remembered_day(path).isoformat() == "2026-01-05"

    monkeypatch.setattr(demo, "_has_events", lambda: False)
    fresh = demo._remembered_day(path)
    assert fresh.isoformat() > "2026-01-05"

    monkeypatch.setattr(demo, "_has_events", lambda: True)
    path.write_text("broken")
    assert demo._remembered_day(path) == fresh


def test_secrets_are_replaced_at_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secret-key"
    path.write_text("short")

    key = demo._secret_key(path)

    assert len(key) >= 50
    assert demo._secret_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_make_names_a_python_that_is_too_old(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    shutil.copytree(Path(demo.__file__).parent.parent / "requirements", tmp_path / "requirements")

    done = subprocess.run(
        [tmp_path / "requirements" / "install.sh", "local"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHON": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("alsobought: Python 3.11 or newer is needed")
    assert len(done.stderr.splitlines()) == 1
