"""Staff upload a file, match its columns, check its rows and import them."""

import os
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import pytest
import urllib3
from django.test import Client

from core import audit
from project.aws.exports import ensure_bucket
from recommendations import jobs
from recommendations.services import events
from recommendations.services import jobs as job_service
from recommendations.storage import jobs as storage
from tests.recommendations.staff.conftest import LogIn

pytestmark = pytest.mark.usefixtures("dynamodb")
PAGE = "/admin/imports/"
BUCKET = f"tests-staff-imports-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
ORDERS = """Customer;When;Product;Pieces;action
ada;2025-11-01T10:00:00Z;lamp;2;bought
ben;2025-11-02T10:00:00Z;lamp;x;view
"""
CHOSEN = {
    "column_0": "user_id",
    "column_1": "timestamp",
    "column_2": "item_id",
    "column_3": "quantity",
    "column_4": "type",
    "default_type": "purchase",
    "type_0": "purchase",
}


@pytest.fixture(autouse=True)
def bucket(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EXPORT_BUCKET = BUCKET
    ensure_bucket(BUCKET, region=os.environ["AWS_REGION"])
    # The job itself runs in a process of its own, which these tables are not for.
    monkeypatch.setattr(job_service, "_spawn", lambda **_: None)


def store(content: str, name: str = "orders.csv") -> str:
    key = f"imports/tests/{name}"
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content.encode())
    return f"{PAGE}?{urlencode({'key': key})}"


def text(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, url
    return answer.content.decode()


def start(client: Client, url: str, fields: Any = None) -> str:
    """Start a job, and return the address of its page."""
    answer = client.post(url, fields or {})
    assert answer.status_code == 302, answer.content
    return str(answer["Location"])


def run(client: Client, url: str) -> str:
    """Run the job that waits, and return its page with the list of problems."""
    jobs.import_({"job_id": url.split("/")[-2]})
    return text(client, url) + text(client, f"{url}parts/problems/")


def test_the_form_sends_the_file_to_the_bucket_and_nowhere_else(log_in: LogIn) -> None:
    client = log_in("operator")
    answer = client.get(PAGE)
    page = answer.content.decode()
    (action,) = re.findall(r'action="(http[^"]+)"', page)
    origin = action[: action.index("/", 8)]
    usual = client.get("/admin/jobs/")["Content-Security-Policy"]
    assert answer["Content-Security-Policy"] == f"{usual} {origin}"
    assert usual.endswith("form-action 'self'")
    form = page[page.index(action) :]
    form = form[: form.index("</form>")]
    assert "csrfmiddlewaretoken" not in form

    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))

    def send(name: str, content: str, **others: str) -> Any:
        parts = {**fields, **others, "file": (name, content)}
        return urllib3.request("POST", action, fields=parts, redirect=False)

    sent = send("orders 1.csv", ORDERS)

    assert sent.status == 303, sent.data
    parts = urlsplit(sent.headers["Location"])
    (key,) = parse_qs(parts.query)["key"]
    assert (parts.path, key.split("/")[0], key.split("/")[2]) == (PAGE, "imports", "orders 1.csv")
    assert "orders 1.csv" in text(client, f"{PAGE}?{parts.query}")
    assert send("x.csv", "x", key="exports/x/${filename}").status == 403
    assert send("x.csv", "").status == 400


def test_a_file_is_matched_checked_imported_and_its_rejects_are_downloaded(log_in: LogIn) -> None:
    client = log_in("operator")
    url = store(ORDERS)
    page = text(client, url)
    assert '<option value="user_id" selected>' in page
    assert "2025-11-01T10:00:00Z" in page, "the first rows are shown"
    assert "“bought” is" in page

    checking = start(client, url, CHOSEN)
    page = run(client, checking)

    assert "Nothing is stored yet" in page
    assert "Expected `int`" in page
    assert "Write a whole number" in page
    assert "ben;2025-11-02T10:00:00Z;lamp" in page
    assert list(events.everything()) == []
    actions = f"{checking}actions/"
    assert f"{actions}import/" in page
    assert f"{actions}rejects/" in page
    change = re.search(r'href="(/admin/imports/\?[^"]+job=[^"]+)"', page)
    assert change is not None
    again = text(client, change[1].replace("&amp;", "&"))
    assert '<option value="timestamp" selected>' in again, "it is as it was matched before"

    importing = start(client, f"{actions}import/")
    page = run(client, importing)

    assert "Look at the events" in page
    (event,) = events.everything()
    assert (event.user_id, event.type, event.items[0].quantity) == ("ada", "purchase", 2)
    rejects = client.post(f"{importing}actions/rejects/")
    assert rejects["Content-Disposition"] == 'attachment; filename="orders.rejects.csv"'
    header, row = rejects.content.decode("utf-8-sig").splitlines()
    assert header.startswith("import_problem;Customer;")
    assert row.endswith(";ben;2025-11-02T10:00:00Z;lamp;x;view")
    assert [entry.action for entry in audit.listing(limit=9).rows] == [
        "jobs.rejects",
        "jobs.import",
        "imports.check",
    ]
    assert "orders.csv" in text(client, PAGE), "it is among the latest imports"


def test_an_import_that_stopped_goes_on_and_one_that_is_done_begins_anew(log_in: LogIn) -> None:
    client = log_in("operator")
    client.post(store(ORDERS), CHOSEN)
    told = {**job_service.listing(limit=1).rows[0].parameters, "dry_run": False}

    def again(action: str, **fields: Any) -> int:
        job = job_service._new(name="import", by="ada", parameters={**told, "after_line": 7})
        storage.save(replace(job, **fields))
        url = start(client, f"/admin/jobs/{job.job_id}/actions/{action}/")
        return job_service.find(job_id=url.split("/")[-2]).parameters["after_line"]

    assert again("retry", state="failed", result={"last_line": 9}) == 9
    assert again("retry", state="cancelled", result={}) == 7, "it ended before its first rows"
    assert again("again", state="succeeded", result={"last_line": 9}) == 0


def test_what_is_matched_wrongly_is_said_beside_the_column(log_in: LogIn) -> None:
    client = log_in("operator")
    url = store(ORDERS)

    def refused(**changed: str) -> str:
        answer = client.post(url, {**CHOSEN, **changed})
        assert answer.status_code == 400
        return answer.content.decode()

    assert "Several columns are the item id" in refused(column_3="item_id")
    assert "Say which column is the time" in refused(column_1="-")
    assert "no time zone &#x27;Mars&#x27;" in refused(timezone="Mars")
    assert "Write “x” as name=type" in refused(other_types="x")
    assert "Select a valid choice" in refused(column_0="password")
    assert job_service.listing(limit=1).rows == ()


def test_a_file_of_another_system_is_read_as_that_means_it(log_in: LogIn) -> None:
    client = log_in("operator")
    url = store(
        '{"FeedbackType":"share","UserId":"u1","ItemId":"i1","Timestamp":"2025-11-01T10:00:00Z"}\n',
        "feedback.jsonl",
    )
    assert "as Gorse means it" in text(client, url)
    unknown = run(client, start(client, url, {"default_type": "purchase"}))
    assert "choose that under “Change the columns”" in unknown

    page = run(client, start(client, url, {"default_type": "purchase", "type_0": "like"}))

    assert "No row has a problem" in page
    assert "as Gorse" not in text(client, f"{url}&system=&kind=users")


def test_a_file_that_is_not_there_or_holds_nothing_leads_back_to_the_upload(
    log_in: LogIn,
) -> None:
    client = log_in("operator")
    assert "upload it again" in text(client, f"{PAGE}?key=imports/x/gone.csv", 404)
    assert "not the address" in text(client, f"{PAGE}?key=exports/x/users.jsonl", 404)
    assert "JSON array" in text(client, store("[1]", "x.json"), 404)
    assert client.post(f"{PAGE}?key=imports/x/gone.csv", CHOSEN).status_code == 404


def test_only_operators_import_and_without_a_bucket_the_page_says_what_to_do(
    log_in: LogIn, settings: Any
) -> None:
    url = store(ORDERS)
    viewer = log_in("viewer")
    for other in (viewer, log_in("merchandiser")):
        assert other.get(PAGE).status_code == 403
        assert other.post(url, CHOSEN).status_code == 403
    client = log_in("operator")
    job = start(client, url, CHOSEN)
    run(client, job)
    part = f"{job}parts/problems/"
    assert "ben;2025-11-02" in text(client, part)
    assert "Only those who may import" in text(viewer, part)
    settings.EXPORT_BUCKET = ""
    assert "Set EXPORT_BUCKET" in text(client, PAGE)
