"""A file in S3 is imported by a job; what it rejects can be mended and imported again."""

import gzip
import os
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import boto3
import msgspec
import pytest

from project.aws.exports import ensure_bucket
from recommendations import jobs
from recommendations.exporting import s3 as exports
from recommendations.importing import job as importing
from recommendations.importing import s3, sample
from recommendations.importing.parameters import PROBLEM
from recommendations.importing.sources import Source, SourceError
from recommendations.services import catalogue, events
from recommendations.services import jobs as job_service
from recommendations.services.jobs import JobError
from tests.recommendations.factories import START
from users.services import customers

pytestmark = pytest.mark.usefixtures("dynamodb")
BUCKET = f"tests-imports-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
ORDERS = """Customer;Order;When;Product;Pieces;Each
ada;1;2025-11-01T10:00:00Z;lamp;2;2.50
ada;1;2025-11-01T10:00:00Z;bulb;none;0.50
ada;1;2025-11-01T10:00:00Z;shade;1;9.00
ben;2;2025-11-02T10:00:00Z;lamp;1;2.50
eve;3;yesterday;lamp;1;2.50
"""
COLUMNS = {
    "Customer": "user_id",
    "Order": "order_id",
    "When": "timestamp",
    "Product": "item_id",
    "Pieces": "quantity",
    "Each": "price",
}
TOLD = {"kind": "events", "format": "csv", "columns": COLUMNS}


@pytest.fixture(autouse=True)
def bucket(settings: Any) -> None:
    settings.EXPORT_BUCKET = BUCKET
    ensure_bucket(BUCKET, region=os.environ["AWS_REGION"])


def store(content: str | bytes, name: str = "orders.csv") -> str:
    key = f"{s3.PREFIX}{START:%Y}/{name}"
    data = content.encode() if isinstance(content, str) else content
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=data)
    return key


def run(content: str | bytes, told: Any = None, name: str = "orders.csv", **others: Any) -> Any:
    parameters = {**(told or TOLD), "key": store(content, name), **others}
    return jobs.import_({"parameters": parameters, "by": "tests"})


def bought(user: str) -> dict[str, int]:
    (order,) = events.history(actor=user, limit=5).rows
    return {line.item_id: line.quantity for line in order.items}


def test_a_file_is_checked_imported_mended_and_imported_again() -> None:
    checked = run(ORDERS, dry_run=True)
    assert (checked["stored"], checked["rejected"]) == (2, 2)
    assert customers.find(user_id="ben") is None, "a check stores nothing"

    done = run(ORDERS)

    assert (done["stored"], done["rejected"], done["unused"]) == (2, 2, [])
    assert bought("ada") == {"lamp": 2, "shade": 1}, "a bad row costs only itself"
    report = importing.report(done["problems"])
    assert [(row.line, row.field) for row in report.first] == [(3, "quantity"), (6, "timestamp")]
    assert report.first[0].row == "ada;1;2025-11-01T10:00:00Z;bulb;none;0.50"
    rejects = s3.get(done["rejects"]["key"]).decode("utf-8-sig")
    header, *rows = rejects.splitlines()
    assert header == f"{PROBLEM};Customer;Order;When;Product;Pieces;Each"
    assert [row.partition(";")[2] for row in rows] == [
        line for line in ORDERS.splitlines() if line.startswith(("ada", "eve"))
    ], "all rows of an order come along, or the mended one would replace the others"
    assert rows[0].startswith("right itself: ")
    assert rows[1].startswith("quantity: Expected `int`")

    mended = rejects.replace("none", "4").replace("yesterday", "2025-11-03T10:00:00Z")
    again = run(mended, name="orders.rejects.csv")

    assert (again["stored"], again["rejected"], again["unused"]) == (2, 0, [])
    assert bought("ada") == {"lamp": 2, "bulb": 4, "shade": 1}
    assert bought("eve") == {"lamp": 1}
    line = events.history(actor="ada", limit=1).rows[0].items[0]
    assert line.price == Decimal("2.50")


def test_rows_of_an_order_that_are_apart_come_out_next_to_each_other() -> None:
    apart = ORDERS.replace("none", "4").replace("yesterday", "2025-11-03T10:00:00Z")
    apart += "ada;1;2025-11-01T10:00:00Z;cord;1;1.00\nben;2;2025-11-02T10:00:00Z;cord;1;1.00\n"
    done = run(apart)
    assert done["rejected"] == 2

    again = run(s3.get(done["rejects"]["key"]), name="orders.rejects.csv")

    assert again["rejected"] == 0
    assert bought("ada") == {"lamp": 2, "bulb": 4, "shade": 1, "cord": 1}
    assert bought("ben") == {"lamp": 1, "cord": 1}


def test_objects_come_out_with_the_reason_and_rows_that_are_none_as_they_were() -> None:
    lines = [b'{"item_id": "lamp", "name": "Lamp"}', b'{"item_id": "bulb"}', b"nonsense \xff"]
    told = {"kind": "items", "format": "jsonl"}
    done = run(b"\n".join(lines), told, "items.jsonl")

    assert (done["stored"], done["rejected"]) == (1, 2)
    first, second = s3.get(done["rejects"]["key"]).splitlines()
    assert msgspec.json.decode(first) == {
        PROBLEM: "name: This field is required.",
        "item_id": "bulb",
    }
    assert second == lines[2]
    mended = first.replace(b'"bulb"', b'"bulb", "name": "Bulb"')
    assert run(mended, told, "items.jsonl")["stored"] == 1
    assert catalogue.find(item_id="bulb") is not None


def test_keys_that_nobody_matched_are_left_out_and_named_however_late_they_come() -> None:
    lines = ['{"id": "lamp", "name": "Lamp"}', '{"id": "bulb", "name": "Bulb", "rare": 1}']
    columns = {"id": "item_id", "name": "name"}
    told = {"kind": "items", "format": "jsonl", "columns": columns}

    done = run("\n".join(lines), told, "items.jsonl")

    assert (done["stored"], done["rejected"], done["unused"]) == (2, 0, ["rare"])


def test_a_column_that_is_to_be_left_out_is_left_out_even_if_its_name_is_known() -> None:
    text = "id,name,e-mail,Mail\nu1,Ada,ada@example.com,other@example.com\n"
    told = {
        "kind": "users",
        "format": "csv",
        "columns": {"id": "user_id", "Mail": "email"},
        "ignored": ["name", "e-mail"],
    }
    assert run(text, told, "users.csv")["stored"] == 1
    customer = customers.find(user_id="u1")
    assert customer is not None
    assert (customer.email, customer.name) == ("other@example.com", None)


def test_a_run_that_had_too_little_time_goes_on_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [f"u{number},{number},2025-11-01T10:00:00Z,lamp" for number in range(2500)]
    text = "\n".join(["user_id,order_id,timestamp,item_id", "broken", *rows])
    key = store(gzip.compress(text.encode()), "orders.csv.gz")
    parameters = {"kind": "events", "format": "csv", "key": key}
    late = SimpleNamespace(get_remaining_time_in_millis=lambda: 1000)

    with pytest.raises(JobError, match="no more time after line 1002; run it again"):
        jobs.import_({"parameters": parameters}, late)
    (job,) = job_service.listing(limit=5).rows
    assert job.result == {"stored": 1000, "rejected": 1, "last_line": 1002}

    written: list[int] = []
    record = events.record
    monkeypatch.setattr(
        events, "record", lambda *, events: (written.append(len(events)), record(events=events))
    )
    done = jobs.import_({"parameters": {**parameters, "after_line": 1002}})

    assert (done["stored"], done["rejected"], sum(written)) == (2500, 1, 1500)
    assert done["rejects"]["rows"] == 1, "what was rejected before is there as well"


def test_a_cancelled_import_keeps_what_it_has_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(running: Any, _: int, **__: Any) -> None:
        job_service.cancel(job_id=running.job.job_id, by="ada")
        running.save()

    monkeypatch.setattr(job_service.Progress, "rows", cancel)
    run(ORDERS)

    (job,) = job_service.listing(limit=5).rows
    assert (job.state, job.result["stored"]) == ("cancelled", 2)


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"kind": "cars"}, "does not say what to do"),
        ({"timezone": "Atlantis"}, "no time zone"),
        ({"key": "exports/other/file.csv"}, "does not say what to do"),
        ({"key": "imports/no/such.csv"}, "upload it again"),
    ],
)
def test_an_import_that_cannot_be_done_says_what_to_do(told: Any, problem: str) -> None:
    parameters = {**TOLD, "key": store(ORDERS), **told}
    with pytest.raises(JobError, match=problem):
        jobs.import_({"parameters": parameters})


def test_without_a_bucket_the_job_says_so(settings: Any) -> None:
    settings.EXPORT_BUCKET = ""
    with pytest.raises(JobError, match="EXPORT_BUCKET"):
        jobs.import_({"parameters": TOLD})


def test_a_file_that_changes_while_it_is_read_is_refused() -> None:
    key = store("a" * 100)
    file = s3.S3File(key, range_bytes=50)
    assert file.read(10) == b"a" * 10
    store("b" * 100)
    with pytest.raises(SourceError, match="upload it again"):
        file.readall()


def test_forms_and_links_name_the_region_of_the_bucket(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    settings.DYNAMODB = {**settings.DYNAMODB, "ENDPOINT_URL": None, "REGION": "eu-west-1"}
    settings.EXPORT_BUCKET = "my-shop"

    form = s3.upload_form(upload_id="u1", then="https://staff.example/admin/imports/")

    assert form.origin == "https://my-shop.s3.eu-west-1.amazonaws.com"
    assert form.fields["key"] == "imports/u1/${filename}"
    assert exports.link("exports/j/events.csv.gz").startswith(f"{form.origin}/exports/j/")


def taken(text: str, name: str = "file.csv") -> sample.Sample:
    file = s3.S3File(store(text, name))
    return sample.take(Source(name, file=file, size=file.size))


def test_a_sample_tells_what_a_file_holds() -> None:
    found = taken(ORDERS)
    assert (found.format, found.kind, found.system) == ("csv", "events", None)
    assert found.rows[0] == ("ada", "1", "2025-11-01T10:00:00Z", "lamp", "2", "2.50")
    assert found.guess("events") == {
        "Customer": "user_id",
        "Order": "order_id",
        "Product": "item_id",
        "Pieces": "quantity",
    }

    kinds = {
        "id,name,price": "items",
        "id,name,email": "users",
        "customer,date,sku": "events",
        "sku,title": "items",
    }
    assert {header: taken(f"{header}\n1,2,3\n1,2").kind for header in kinds} == kinds
    gorse = taken('{"FeedbackType": "share", "UserId": "u", "ItemId": "i"}', "x.jsonl")
    assert (gorse.system, gorse.kind, gorse.format) == ("gorse", "events", "jsonl")
    assert taken("userId,itemId\nu,i").system == "recombee"


def test_a_sample_names_the_types_that_are_not_known() -> None:
    found = taken("user,time,item,action\nu,t,i,bought\nu,t,i,view\nu,t,i,share\n")
    assert found.types("action") == {"bought": "purchase", "share": ""}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty|no rows"),
        ("a,b\n", "no rows"),
        ("[1]", "JSON array"),
        ("a,a\n1,2", "two columns"),
    ],
)
def test_a_file_that_holds_nothing_to_import_says_so(text: str, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        taken(text)
