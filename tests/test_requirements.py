"""The locked requirements pin everything, and name no host."""

import re
from pathlib import Path

import pytest

LOCKS = sorted((Path(__file__).parent.parent / "requirements").glob("*.txt"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_versions_and_hashes_and_names_no_host(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    pins = re.findall(r"^[A-Za-z0-9._-]+(?:\[[^\]]+\])?==[^ ]+", text, re.MULTILINE)
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text.strip())

    assert len(pins) == len(blocks) > 3
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text


def test_the_slim_set_has_no_numerical_package() -> None:
    text = (LOCKS[0].parent / "api.txt").read_text(encoding="utf-8")

    assert not re.findall(r"^(numpy|scipy|pandas|sparse-dot-topn)==", text, re.MULTILINE)
