"""What each role may do with files, where its policy is enforced."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from boto3.exceptions import S3UploadFailedError

from core import aws
from project.aws import iam
from project.aws.exports import ensure_bucket
from project.aws.stages import Stage
from project.local import REGION, MiniStack
from recommendations.importing import s3
from recommendations.importing.sources import SourceError

BUCKET = "shop-exports"
CONTENT = b"user_id,email\nu1,ada@example.com\n"

ActAs = Callable[[str], None]


@pytest.fixture
def act_as(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[ActAs]:
    """Make this process one of the functions, on an AWS of its own that enforces policies."""
    settings.EXPORT_BUCKET = BUCKET
    with MiniStack(tmp_path, enforce_iam=True) as ministack:
        for name, value in ministack.environment.items():
            monkeypatch.setenv(name, value)
        _forget()
        ensure_bucket(BUCKET, region=REGION)
        keys = {role: _user(role) for role in ("api", "jobs", "stream")}

        def act(role: str) -> None:
            for name, value in keys[role].items():
                monkeypatch.setenv(name, value)
            _forget()

        yield act
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    """Let clients that are made from now on read the environment again."""
    aws.session.cache_clear()
    boto3.DEFAULT_SESSION = None


def _user(role: str) -> dict[str, str]:
    stage = Stage(name="t", project="p", region=REGION, roles=frozenset({role}))
    policy = iam.policy(stage, account="0" * 12)
    client = boto3.client("iam")
    client.create_user(UserName=role)
    client.put_user_policy(UserName=role, PolicyName="p", PolicyDocument=json.dumps(policy))
    key = client.create_access_key(UserName=role)["AccessKey"]
    return {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


def send() -> int:
    form = s3.upload_form(upload_id="u1", then="http://127.0.0.1/admin/imports/")
    fields = {**form.fields, "file": ("users.csv", CONTENT)}
    return urllib3.request("POST", form.url, fields=fields, redirect=False).status


def test_the_api_lets_a_file_in_and_jobs_work_it_off(act_as: ActAs, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    rejects.write_bytes(CONTENT)

    act_as("api")
    assert send() == 303
    assert s3.get("imports/u1/users.csv") == CONTENT
    with pytest.raises(S3UploadFailedError, match="AccessDenied"):
        s3.put(rejects, key="exports/j1/users.csv")

    act_as("jobs")
    assert s3.get("imports/u1/users.csv") == CONTENT
    s3.put(rejects, key="imports/j1/users.rejects.csv")
    with pytest.raises(SourceError, match="upload it again"):
        s3.get("imports/u1/gone.csv")

    act_as("stream")
    assert send() == 403
    with pytest.raises(SourceError):
        s3.get("imports/u1/users.csv")
