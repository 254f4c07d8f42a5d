"""Every command in README.md works as it stands there."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.demo import ROOT, Demo, loaded_folder

README = (ROOT / "README.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^## (?P<title>.+?)\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def blocks(title: str) -> list[str]:
    """Return the shell blocks of a section."""
    (text,) = [match["text"] for match in SECTION.finditer(README) if match["title"] == title]
    return BLOCK.findall(text)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Return a running demo, started by the command in the README."""
    assert blocks("Try it") == ["make demo\n"]
    running = Demo(loaded_folder(tmp_path_factory))
    try:
        running.wait_until_serving()
        yield running
    finally:
        running.stop()


def test_every_block_is_run_by_a_test() -> None:
    run = [*blocks("Try it"), *blocks("First calls"), *blocks("Deploy"), *blocks("Work on it")]

    assert run == BLOCK.findall(README)
    assert not re.findall(r"^(```|~~~)(?!sh\n|json\n|\n)", README, re.MULTILINE)


def shape(value: Any) -> Any:
    """Return the names of all fields, without values."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in sorted(value.items())}
    return [shape(value[0])] if isinstance(value, list) and value else None


def test_the_first_calls_answer_as_shown(demo: Demo) -> None:
    script = "set -eu\n" + "".join(block + "\necho\n" for block in blocks("First calls"))

    done = subprocess.run(
        ["sh", "-c", script.replace("curl -s", "curl -sS --fail")],
        cwd=demo.directory.parent,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    decoder = json.JSONDecoder()
    answers: list[Any] = []
    rest = done.stdout.strip()
    while rest:
        answer, end = decoder.raw_decode(rest)
        answers.append(answer)
        rest = rest[end:].strip()
    first, similar, popular, stored, personal = answers
    (shown,) = re.findall(r"^```json\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert shape(first) == shape(json.loads(shown))
    names = {row["item"]["name"] for row in similar["results"]}
    assert "Set of 3 Regency Cake Tins" in names
    assert len(popular["results"]) == 5
    assert stored["user_id"] == "ada"
    assert personal["source"] == "personal"
    assert personal["results"][0]["because"][0]["item_id"] == "22423"


def test_the_addresses_named_are_served(demo: Demo) -> None:
    for path in ("/", "/api/docs/", "/admin/"):
        done = subprocess.run(
            ["curl", "-sSL", "--fail", "-o", os.devnull, f"{demo.login['BASE_URL']}{path}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{path}: {done.stderr}"


@pytest.mark.parametrize("block", blocks("Deploy"))
def test_the_commands_to_deploy_are_those_that_the_deployment_test_runs(block: str) -> None:
    (chapter,) = [
        match["text"]
        for match in SECTION.finditer(OPERATIONS)
        if match["title"] == "Deploy to MiniStack"
    ]
    tested = {line for text in BLOCK.findall(chapter) for line in text.splitlines()}

    assert set(block.splitlines()) <= tested


def test_the_commands_to_work_on_it_are_targets_of_make() -> None:
    assert blocks("Work on it") == ["make test\n"]
    done = subprocess.run(
        ["make", "--dry-run", "test"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "pytest" in done.stdout


def test_every_link_and_picture_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert Path(ROOT, target).exists(), target
