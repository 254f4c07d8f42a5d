"""A release serves once it has passed its check, and can be gone back to."""

import io
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from project.aws import releases
from project.aws.stages import Stage, StageError

ANSWERS = "def handler(event, context):\n    return {'version': context.function_version}\n"
RAISES = "def handler(event, context):\n    raise RuntimeError('a fault')\n"


class Function:
    """A function of its own, whose code is put there as Zappa does."""

    def __init__(self) -> None:
        name = f"shop{uuid.uuid4().hex[:8]}"
        self.stage = Stage(
            name="test_stream",
            project=name,
            region="eu-west-1",
            roles=frozenset({"stream"}),
            bucket=f"{name}-packages",
        )
        self._lambda = boto3.client("lambda", region_name="eu-west-1")
        self._s3 = boto3.client("s3", region_name="eu-west-1")
        self._s3.create_bucket(
            Bucket=self.stage.bucket,
            CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
        )
        self._lambda.create_function(
            FunctionName=self.stage.function,
            Runtime="python3.12",
            Role="arn:aws:iam::000000000000:role/tests",
            Handler="code.handler",
            Code=self._package(ANSWERS),
        )
        releases.begin(self.stage)
        releases.keep_package(self.stage, "package.zip")

    def _package(self, code: str) -> dict[str, str]:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("code.py", code)
        self._s3.put_object(Bucket=self.stage.bucket, Key="package.zip", Body=content.getvalue())
        return {"S3Bucket": self.stage.bucket, "S3Key": "package.zip"}

    def update(self, code: str) -> str:
        self._lambda.update_function_code(FunctionName=self.stage.function, **self._package(code))
        releases.keep_package(self.stage, "package.zip")
        return releases.roll_out(self.stage)

    def code(self) -> str:
        found = self._lambda.get_function_configuration(FunctionName=self.stage.function)
        return str(found["CodeSha256"])

    def delete(self) -> None:
        self._lambda.delete_function(FunctionName=self.stage.function)


@pytest.fixture
def function() -> Iterator[Function]:
    found = Function()
    yield found
    found.delete()


def versions(stage: Stage) -> list[Any]:
    return [(release.version, release.serves) for release in releases.history(stage)]


def test_a_release_that_fails_its_check_never_serves_and_is_gone(function: Function) -> None:
    stage, code = function.stage, function.code()
    (first,) = versions(stage)

    with pytest.raises(StageError, match=r"did not pass its check: .*a fault.*serves as before"):
        function.update(RAISES)

    assert versions(stage) == [first]
    assert first[1]
    # What is called without a version is as before, too.
    assert function.code() == code


def test_one_goes_back_to_the_release_before_not_to_one_that_failed(function: Function) -> None:
    stage, code = function.stage, function.code()
    first = releases.live(stage)
    with pytest.raises(StageError):
        function.update(RAISES)
    second = function.update(f"{ANSWERS}# New.\n")
    assert releases.live(stage) == second

    earlier = releases.previous(stage)
    assert earlier is not None
    assert earlier.version == first
    releases.go_back(stage, earlier.version)

    assert releases.live(stage) == first
    assert function.code() == code
    assert releases.previous(stage) is None
