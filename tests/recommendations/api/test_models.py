"""Model versions, jobs and health, over REST."""

import pytest
from django.test import Client

from core import audit
from recommendations.services import jobs, versions
from recommendations.storage import versions as version_storage
from recommendations.storage.versions import ModelVersion
from tests.api_client import api_client, error_of, send
from tests.recommendations.factories import store_model

pytestmark = pytest.mark.usefixtures("dynamodb")


def test_versions_are_listed_and_published() -> None:
    client = api_client()
    store_model("2026-11-01T00:00Z-1", {})
    store_model("2026-11-02T00:00Z-1", {}, publish=False)
    path = "/api/v1/models/2026-11-02T00:00Z-1/"

    listed = client.get("/api/v1/models/").json()["results"]
    published = send(client, "POST", f"{path}publish/")

    assert {row["version"] for row in listed} == {"2026-11-01T00:00Z-1", "2026-11-02T00:00Z-1"}
    assert client.get(path).json()["state"] == "ready"
    assert published.json() == {"live": "2026-11-02T00:00Z-1", "previous": "2026-11-01T00:00Z-1"}
    assert versions.live() == "2026-11-02T00:00Z-1"
    (entry,) = audit.listing(limit=5).rows
    assert (entry.by, entry.action, entry.target) == ("tests", "models.publish", versions.live())


def test_that_a_person_publishes_what_the_gate_rejected_is_written_down() -> None:
    client = api_client()
    store_model("v1", {})
    rejected = ModelVersion(version="v2", created_at="2026-11-02T00:00:00Z", state="rejected")
    version_storage.save(rejected)

    send(client, "POST", "/api/v1/models/v2/publish/")

    assert versions.live() == "v2"
    (entry,) = audit.listing(limit=5).rows
    assert (entry.by, entry.action, entry.target) == ("tests", "models.publish", "v2")
    assert (entry.before, entry.after) == ({"live": "v1"}, {"live": "v2", "state": "rejected"})


def test_what_cannot_be_published() -> None:
    client = api_client()
    store_model("v1", {}, publish=False)

    error_of(send(client, "POST", "/api/v1/models/nothing/publish/"), 404)
    error_of(send(client, "POST", "/api/v1/models/v1/publish/", {"force": True}), 400)
    error_of(client.get("/api/v1/models/nothing/"), 404)
    assert versions.live() is None


def test_a_job_is_started_and_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    client = api_client()
    # The job itself runs in a process of its own, which these tables are not for.
    monkeypatch.setattr(jobs, "_spawn", lambda **_: None)

    started = send(client, "POST", "/api/v1/jobs/", {"job": "train"})

    assert started.status_code == 201
    assert started.json()["state"] == "queued"
    assert started.json()["started_by"] == "tests"
    assert client.get(started["Location"]).json() == started.json()
    assert client.get("/api/v1/jobs/").json()["results"] == [started.json()]


def test_a_job_is_cancelled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    client = api_client()
    monkeypatch.setattr(jobs, "_spawn", lambda **_: None)
    started = send(client, "POST", "/api/v1/jobs/", {"job": "rebuild"})
    path = f"{started['Location']}cancel/"

    error_of(send(api_client("insights:read"), "POST", path), 403)
    cancelled = send(client, "POST", path)

    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert cancelled.json()["cancelled_by"] == "tests"
    assert "has ended" in error_of(send(client, "POST", path), 409)["message"]
    error_of(send(client, "POST", "/api/v1/jobs/nothing/cancel/"), 404)
    assert [entry.action for entry in audit.listing(limit=5).rows] == [
        "jobs.cancel",
        "jobs.rebuild",
    ]


@pytest.mark.parametrize("body", [{}, {"job": "cook"}, {"job": "train", "now": True}, []])
def test_unknown_jobs_are_refused(body: object) -> None:
    error_of(send(api_client(), "POST", "/api/v1/jobs/", body), 400)
    error_of(api_client().get("/api/v1/jobs/nothing/"), 404)


def test_health_needs_no_key_and_ready_needs_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    assert client.get("/api/v1/health/live/").json() == {"status": "ok"}

    not_yet = client.get("/api/v1/health/ready/")
    assert "model" in error_of(not_yet, 503)["message"]
    assert not_yet["Retry-After"]

    store_model("v1", {})
    assert client.get("/api/v1/health/ready/").json() == {"status": "ok"}

    def broken() -> None:
        message = "secret"
        raise RuntimeError(message)

    monkeypatch.setattr(versions, "live", broken)
    assert "secret" not in str(error_of(client.get("/api/v1/health/ready/"), 503))
