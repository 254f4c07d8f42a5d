import secrets

import pytest

from project.aws.parameters import create, rotate, secret_keys
from project.aws.stages import StageError


@pytest.fixture
def name() -> str:
    return f"/alsobought/tests/{secrets.token_hex(6)}"


def test_a_key_is_created_once(name: str) -> None:
    assert create(name) is True
    (key,) = secret_keys(name)
    assert len(key) >= 50
    assert create(name) is False
    assert secret_keys(name) == [key]


def test_rotation_keeps_the_key_before_and_forgets_older_ones(name: str) -> None:
    create(name)
    (first,) = secret_keys(name)
    rotate(name)
    second, kept = secret_keys(name)
    assert kept == first != second
    rotate(name)
    third, kept = secret_keys(name)
    assert kept == second
    assert third not in {first, second}


def test_a_missing_key_says_how_to_make_one(name: str) -> None:
    with pytest.raises(StageError, match=r"project\.aws\.parameters create"):
        secret_keys(name)
