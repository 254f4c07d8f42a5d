"""Django's secret key in SSM Parameter Store: never packaged, read when a process starts.

``ZAPPA_STAGE=<stage> python -m project.aws.parameters create|rotate|revoke`` makes and renews it.

The parameter holds a line for each key, the newest first. A new key comes with the time from which
it signs: until then running processes learn to accept it, see `project.aws.rotation`.
"""

import secrets
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core import aws
from project.aws.stages import StageError, current

# All processes have read a new key after a third of this time.
SIGNS_AFTER = timedelta(minutes=15)
_PATIENCE = Config(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 3})
_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key, and the time from which it signs; it verifies as soon as it is known."""

    text: str
    signs_from: datetime = _ALWAYS


def read(name: str) -> tuple[SecretKey, ...]:
    """Return the keys in an encrypted parameter, the newest first.

    Raises
    ------
    StageError
        When there is no such parameter, or nothing in it.
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        When this process cannot read it, or may not.
    """
    client = aws.session().create_client("ssm", config=_PATIENCE)
    try:
        value = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except client.exceptions.ParameterNotFound as error:
        message = f"no parameter {name}; run 'python -m project.aws.parameters create'"
        raise StageError(message) from error
    keys = tuple(_parsed(line) for line in value.splitlines() if line.strip())
    if not keys:
        message = f"parameter {name} is empty; delete it and create it anew"
        raise StageError(message)
    return keys


def in_order(keys: Sequence[SecretKey], *, now: datetime) -> list[str]:
    """Return the text of the keys, the one that signs now before those that only verify."""
    signing = next((key for key in keys if key.signs_from <= now), keys[-1])
    return [signing.text, *(key.text for key in keys if key is not signing)]


def create(name: str) -> bool:
    """Store a new key; return False, and change nothing, when there is one already."""
    client = boto3.client("ssm")
    try:
        client.put_parameter(Name=name, Value=secrets.token_urlsafe(48), Type="SecureString")
    except client.exceptions.ParameterAlreadyExists:
        return False
    return True


def rotate(name: str, *, now: datetime | None = None) -> SecretKey:
    """Put a new key before the one in use, and forget those before that; return the new one."""
    now = now or datetime.now(UTC)
    new = SecretKey(secrets.token_urlsafe(48), (now + SIGNS_AFTER).replace(microsecond=0))
    keys = read(name)
    signing = in_order(keys, now=now)[0]
    used = [key.text for key in keys].index(signing)
    lines = [f"{key.signs_from.isoformat()} {key.text}" for key in (new, *keys[:used])]
    boto3.client("ssm").put_parameter(
        Name=name, Value="\n".join([*lines, signing]), Type="SecureString", Overwrite=True
    )
    return new


def revoke(name: str) -> None:
    """Replace all keys by a new one: what they have signed is worth nothing any more."""
    read(name)
    boto3.client("ssm").put_parameter(
        Name=name, Value=secrets.token_urlsafe(48), Type="SecureString", Overwrite=True
    )


def _parsed(line: str) -> SecretKey:
    moment, _, text = line.strip().rpartition(" ")
    return SecretKey(text, datetime.fromisoformat(moment) if moment else _ALWAYS)


def main() -> None:
    parser = ArgumentParser(description="The secret key of the stage in ZAPPA_STAGE.")
    parser.add_argument("action", choices=["create", "rotate", "revoke"])
    action = parser.parse_args().action
    try:
        stage = current()
        stage.apply()
        name = stage.environment["SECRET_KEY_PARAMETER"]
        print(f"{name}: {_do(action, name)}")
    except KeyError:
        sys.exit("this stage has no SECRET_KEY_PARAMETER in its aws_environment_variables")
    except (StageError, BotoCoreError, ClientError) as error:
        sys.exit(f"Stopped: {error}")


def _do(action: str, name: str) -> str:
    if action == "rotate":
        return f"new key, which signs from {rotate(name).signs_from:%H:%M} UTC; nothing else to do"
    if action == "revoke":
        revoke(name)
        minutes = SIGNS_AFTER.total_seconds() / 3 / 60
        return f"all keys replaced; staff must log in again within {minutes:.0f} minutes"
    return "created" if create(name) else "already there"


if __name__ == "__main__":
    main()
