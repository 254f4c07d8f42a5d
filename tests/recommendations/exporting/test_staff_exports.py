"""Staff take exports out, as their role allows, and it is written down."""

import os
from typing import Any

import pytest
from django.test import Client

from core import audit
from project.aws.exports import ensure_bucket
from recommendations import jobs
from recommendations.models import JobRow
from recommendations.services import jobs as job_services
from users.backends import staff_user
from users.entities import Customer
from users.services import accounts, customers

pytestmark = pytest.mark.usefixtures("dynamodb")
PAGE = "/admin/exports/"
USERS = {"kind": "users", "format": "jsonl"}


def log_in(role: str, **options: Any) -> Client:
    account = accounts.create(username=role, password="correct horse battery", role=role)
    client = Client(**options)
    client.force_login(staff_user(account))
    return client


def test_a_download_is_streamed_and_written_down() -> None:
    customers.save(customers=[Customer(user_id=f"u{number:04}") for number in range(1200)])
    client = log_in("viewer")
    assert "Write to S3" not in client.get(PAGE).content.decode()

    answer = client.post(PAGE, USERS)

    assert answer.streaming
    assert answer["Content-Disposition"] == 'attachment; filename="users.jsonl"'
    assert len(b"".join(answer.streaming_content).splitlines()) == 1200
    (entry,) = audit.listing(limit=5).rows
    assert (entry.by, entry.action, entry.after) == ("viewer", "exports.download", USERS)


def test_what_is_too_large_for_the_function_is_not_cut_but_refused(settings: Any) -> None:
    customers.save(customers=[Customer(user_id=f"u{number}") for number in range(9)])
    client = log_in("operator")
    size = len(b"".join(client.post(PAGE, USERS).streaming_content))
    settings.DOWNLOAD_BYTES = size
    assert client.post(PAGE, USERS).streaming

    settings.DOWNLOAD_BYTES = size - 1
    refused = client.post(PAGE, USERS)

    assert refused.status_code == 413
    assert "Write it to S3" in refused.content.decode()


def test_an_export_needs_a_post_from_our_own_page_and_known_words() -> None:
    client = log_in("operator", enforce_csrf_checks=True)
    assert client.post(PAGE, USERS).status_code == 403
    client = Client()
    client.force_login(staff_user(accounts.find(account_id=_account_id())))
    assert client.post(PAGE, {"kind": "accounts", "format": "jsonl"}).status_code == 400
    assert audit.listing(limit=5).rows == ()


def _account_id() -> str:
    (account,) = accounts.listing(limit=2).rows
    return account.account_id


def test_a_job_writes_the_file_and_its_page_makes_a_link(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EXPORT_BUCKET = "tests-staff-exports"
    ensure_bucket(settings.EXPORT_BUCKET, region=os.environ["AWS_REGION"])
    monkeypatch.setattr("recommendations.services.jobs._spawn", lambda **_: None)
    customers.save(customers=[Customer(user_id="u1")])
    assert log_in("merchandiser").post(PAGE, {**USERS, "job": "1"}).status_code == 403
    client = log_in("operator")

    answer = client.post(PAGE, {**USERS, "job": "Write to S3"}, follow=True)

    (row,) = JobRow.query(JobRow.PK)
    assert answer.redirect_chain == [(f"/admin/jobs/{row.sk}/", 302)]
    assert client.get(f"/admin/jobs/{row.sk}/actions/link/").status_code == 302
    jobs.export({"job_id": row.sk})
    linked = client.post(f"/admin/jobs/{row.sk}/actions/link/").content.decode()
    assert f"exports/{row.sk}/users.jsonl.gz?" in linked
    assert "X-Amz-Signature" in linked
    assert [entry.action for entry in audit.listing(limit=5).rows] == ["jobs.link", "jobs.export"]
    client.post(f"/admin/jobs/{row.sk}/actions/again/")
    again = job_services.listing(limit=1).rows[0]
    assert (again.name, again.parameters) == ("export", USERS)
