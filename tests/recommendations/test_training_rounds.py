"""A fit that does not end in its function's time goes on in the next round, to the same model."""

from typing import Any

import boto3
import pytest
from django.conf import settings

from recommendations import jobs as entry_points
from recommendations.services import jobs, stepwise, versions
from recommendations.services.progress import Progress
from recommendations.storage import jobs as storage
from recommendations.training import Timing
from recommendations.training.workflow import STEPS, finish
from tests.recommendations.test_training_resumed import PRODUCTS, Clock, _orders, stored  # noqa: F401

pytestmark = pytest.mark.usefixtures("dynamodb")

BUCKET = f"{settings.DYNAMODB['TABLE_PREFIX']}rounds"


def test_rounds_of_fitting_end_with_the_model_of_one_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "EXPORT_BUCKET", BUCKET)
    place = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    job = jobs.Job(
        job_id="run", name="train", state="queued", started_by="ada", created_at="", execution="e"
    )
    storage.save(job)

    def step(name: str, *, stopped_after: int | None = None) -> dict[str, Any]:
        def work(progress: Progress) -> dict[str, Any]:
            timing = Timing()
            if stopped_after is not None:
                clock = Clock(stopped_after)
                clock.progress = progress
                timing = Timing(deadline=1000.0, clock=clock)
            return (finish if name == "finish" else STEPS[name])(progress, timing)

        return stepwise.step(name="train", job_id="run", work=work, last=name == "finish").result

    for name in ("size", "extract", "choose", "evaluate", "gate"):
        step(name)
    first = step("fit", stopped_after=2)
    assert 0 < first["refined_share"] < 1
    assert first["again"]
    assert stored() == {}
    second = step("fit")
    assert (second["refined_share"], second["again"]) == (1.0, False)
    for name in ("write", "publish", "verify", "refresh", "finish"):
        result = step(name)

    assert result["published"]
    assert versions.live() == result["version"]
    found = stored()
    assert len(found) > PRODUCTS
    assert entry_points.train()["rows"]["neighbours_written"] == 0
    assert stored() == found
