import secrets
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from project.aws.parameters import SIGNS_AFTER, create, in_order, read, revoke, rotate
from project.aws.stages import StageError

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def name() -> str:
    return f"/alsobought/tests/{secrets.token_hex(6)}"


def keys(name: str, after: timedelta = timedelta()) -> list[str]:
    return in_order(read(name), now=NOW + after)


def test_a_key_is_created_once(name: str) -> None:
    assert create(name) is True
    (key,) = keys(name)
    assert len(key) >= 50
    assert create(name) is False
    assert keys(name) == [key]


def test_a_new_key_verifies_at_once_and_signs_later(name: str) -> None:
    create(name)
    (first,) = keys(name)
    second = rotate(name, now=NOW).text

    assert keys(name) == [first, second]
    assert keys(name, SIGNS_AFTER) == [second, first]


def test_rotation_keeps_the_key_in_use_and_forgets_older_ones(name: str) -> None:
    create(name)
    (first,) = keys(name)
    second = rotate(name, now=NOW).text
    third = rotate(name, now=NOW + SIGNS_AFTER).text

    assert first not in keys(name)
    assert keys(name, SIGNS_AFTER) == [second, third]
    assert keys(name, 2 * SIGNS_AFTER) == [third, second]


def test_rotating_twice_at_once_keeps_what_others_still_sign_with(name: str) -> None:
    create(name)
    (first,) = keys(name)
    second, third = (rotate(name, now=NOW).text for _ in range(2))

    assert keys(name) == [first, third, second]
    assert keys(name, SIGNS_AFTER) == [third, second, first]


def test_revoking_leaves_one_new_key(name: str) -> None:
    create(name)
    rotate(name, now=NOW)
    before = keys(name)
    revoke(name)

    (key,) = keys(name)
    assert key not in before


def test_keys_are_encrypted(name: str) -> None:
    create(name)
    for change in (rotate, revoke):
        change(name)
        assert boto3.client("ssm").get_parameter(Name=name)["Parameter"]["Type"] == "SecureString"


@pytest.mark.parametrize("act", [read, rotate, revoke])
def test_a_missing_key_says_how_to_make_one(name: str, act: object) -> None:
    with pytest.raises(StageError, match=r"project\.aws\.parameters create"):
        act(name)  # type: ignore[operator]
