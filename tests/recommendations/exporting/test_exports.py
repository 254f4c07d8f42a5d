"""What is stored goes out whole, and comes in again as it was."""

import csv
import gzip
import io
import os
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import msgspec
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from core.dynamodb.meter import metered
from core.dynamodb.tables import registered
from project.aws.exports import ensure_bucket
from recommendations import exporting, jobs
from recommendations.entities import Event, Item, Line
from recommendations.exporting import s3
from recommendations.services import catalogue, events, profiles
from recommendations.services.jobs import JobError
from tests.api_client import api_client, error_of, send
from tests.recommendations.factories import START, event, store_model
from users.entities import Customer
from users.services import customers

pytestmark = pytest.mark.usefixtures("dynamodb")
BUCKET = f"tests-exports-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
KINDS = ("events", "items", "users", "recommendations")


@pytest.fixture
def shop(dynamodb: None) -> None:
    """Rows of every kind, with all fields and with none."""
    catalogue.save(
        items=[
            Item(
                item_id="lamp", name="=1+1", categories=("Light", "Home"), price=Decimal("2.10"),
                currency="GBP", image_url="https://shop.example/l.png", labels=("new",),
                url="https://shop.example/l", published_at=START,
                attributes={"weight": 0.5, "Größe": "L", "used": False, "note": None},
            ),
            Item(item_id="bulb", name="Bulb", available=False),
            Item(item_id="gone", name="Gone"),
        ]
    )  # fmt: skip
    catalogue.delete(item_id="gone")
    customers.save(
        customers=[
            Customer(
                user_id="u/1", email="ada@example.com", name="@ada", labels=("vip",),
                attributes={"age": 40},
            ),
            Customer(user_id="u2"),
        ]
    )  # fmt: skip
    order = Event(
        event_id="o-1",
        timestamp=START + timedelta(microseconds=7),
        type="purchase",
        items=(Line("lamp", 3, Decimal("2.10")), Line("bulb")),
        user_id="u/1",
        session_id="s-1",
        order_id="-1",
        recommendation_id="r_1",
    )
    events.record(
        events=[
            order,
            *(event("u2", "lamp", event_id=f"v-{day}", hours=24 * -day) for day in range(6)),
            event(None, "bulb", session="s-9", kind="view"),
        ]
    )
    store_model("v1", {"lamp": [("shade", 0.9)]}, popular=["shade", "bulb"])
    profiles.refresh(user_id="u/1")


def exported(tmp_path: Path, kind: str, form: str = "jsonl") -> Path:
    path = tmp_path / f"{kind}.{form}"
    call_command("export", kind, format=form, output=path)
    return path


def parsed(path: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def everything() -> dict[str, list[Any]]:
    return {
        "events": sorted(events.everything(), key=repr),
        "items": sorted(catalogue.everything(), key=repr),
        "users": sorted(customers.everything(), key=repr),
    }


@pytest.mark.usefixtures("shop")
def test_json_lines_are_imported_again_as_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = everything()
    assert [len(rows) for rows in before.values()] == [8, 2, 2]
    files = {kind: exported(tmp_path, kind) for kind in before}

    for model in (m for name, m in registered().items() if name.endswith(("events", "items"))):
        for row in model.scan():
            row.delete()
    for customer in before["users"]:
        customers.erase(user_id=customer.user_id)
    assert not any(everything().values())
    for kind in ("items", "users", "events"):
        call_command("import", str(files[kind]), kind=kind)

    assert everything() == before
    assert catalogue.find(item_id="lamp").price.as_tuple() == Decimal("2.10").as_tuple()


@pytest.mark.usefixtures("shop")
def test_a_ready_list_is_a_row_of_its_user(tmp_path: Path) -> None:
    (row,) = parsed(exported(tmp_path, "recommendations"))

    assert (row["user_id"], row["model_version"]) == ("u/1", "v1")
    assert row["results"][0]["item_id"] == "shade"
    assert set(row["results"][0]) == {"item_id", "score", "source"}


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("kind", KINDS)
def test_csv_has_a_line_for_each_line_and_no_formula(kind: str, tmp_path: Path) -> None:
    text = exported(tmp_path, kind, "csv").read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))

    assert not any(
        str(cell).startswith(("=", "+", "-", "@")) for row in rows for cell in row.values()
    )
    by_id = {row.get("item_id", ""): row for row in rows}
    if kind == "items":
        assert by_id["lamp"]["name"] == "'=1+1"
        assert by_id["lamp"]["categories"] == "Light|Home"
        assert (by_id["lamp"]["price"], by_id["bulb"]["available"]) == ("2.10", "false")
        assert msgspec.json.decode(by_id["lamp"]["attributes"])["Größe"] == "L"
    elif kind == "users":
        assert [row["name"] for row in rows if row["user_id"] == "u/1"] == ["'@ada"]
    elif kind == "events":
        lines = [row for row in rows if row["order_id"] == "'-1"]
        assert [(line["item_id"], line["quantity"], line["price"]) for line in lines] == [
            ("lamp", "3", "2.10"),
            ("bulb", "1", ""),
        ]
    else:
        assert [row["rank"] for row in rows] == [str(n + 1) for n in range(len(rows))]


@pytest.mark.usefixtures("shop")
def test_a_file_is_private_compressed_on_demand_and_never_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "users.jsonl.gz"
    call_command("export", "users", output=path)

    assert len(gzip.decompress(path.read_bytes()).splitlines()) == 2
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="No such file"):
        call_command("export", "users", output=tmp_path / "nowhere" / "users.jsonl")

    def broken(kind: str) -> Iterator[dict[str, Any]]:
        yield {"user_id": "u1"}
        raise RuntimeError

    monkeypatch.setattr(exporting, "rows", broken)
    with pytest.raises(RuntimeError):
        call_command("export", "users", output=tmp_path / "whole.jsonl")
    assert not (tmp_path / "whole.jsonl").exists()


def test_standard_output_takes_an_export(capfdbinary: Any, shop: None) -> None:
    call_command("export", "items")

    names = {
        msgspec.json.decode(line)["name"] for line in capfdbinary.readouterr().out.splitlines()
    }
    assert names == {"=1+1", "Bulb"}


def test_rows_are_read_a_page_at_a_time_and_without_a_scan(shop: None) -> None:
    for kind in KINDS:
        with metered() as first:
            next(exporting.rows(kind))
        with metered() as whole:
            list(exporting.rows(kind))
        assert 0 < first.round_trips <= whole.round_trips
    with metered() as first:
        next(exporting.rows("events"))
    # The days, and a shard of the newest: the other 6 days wait until they are wanted.
    assert first.round_trips <= 5


@pytest.fixture
def bucket(settings: Any) -> str:
    settings.EXPORT_BUCKET = BUCKET
    for _ in range(2):
        ensure_bucket(BUCKET, region=os.environ["AWS_REGION"])
    return BUCKET


def stored_files() -> list[str]:
    answer = boto3.client("s3").list_objects_v2(Bucket=BUCKET)
    return [row["Key"] for row in answer.get("Contents", [])]


@pytest.mark.usefixtures("shop", "bucket")
def test_a_job_writes_a_file_to_s3_and_a_link_downloads_it(tmp_path: Path) -> None:
    result = jobs.export({"parameters": {"kind": "events"}, "by": "tests"})

    with urllib.request.urlopen(s3.link(result["key"])) as answer:  # noqa: S310  # our own
        content = answer.read()
        assert "events.jsonl.gz" in answer.headers["Content-Disposition"]
    assert len(content) == result["bytes"]
    assert gzip.decompress(content) == exported(tmp_path, "events").read_bytes()
    assert result["rows"] == 8
    assert result["key"] == f"exports/{result['job_id']}/events.jsonl.gz"


@pytest.mark.usefixtures("bucket")
def test_a_large_file_goes_in_parts_and_a_failed_one_leaves_nothing() -> None:
    chunk = os.urandom(1024**2)
    size = s3.upload((chunk for _ in range(17)), key="exports/large.gz")

    client = boto3.client("s3")
    found = client.get_object(Bucket=BUCKET, Key="exports/large.gz")
    assert found["ContentLength"] == size
    assert gzip.decompress(found["Body"].read()) == chunk * 17

    def broken() -> Iterator[bytes]:
        for _ in range(9):
            yield chunk
        raise RuntimeError

    with pytest.raises(RuntimeError):
        s3.upload(broken(), key="exports/broken.gz")
    assert "exports/broken.gz" not in stored_files()
    assert client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("parameters", [None, {}, {"kind": "jobs"}, {"kind": "users", "x": 1}])
def test_a_job_without_proper_parameters_says_which_there_are(parameters: Any) -> None:
    with pytest.raises(JobError, match="kind and format"):
        jobs.export({"parameters": parameters})


@pytest.mark.usefixtures("shop", "bucket")
def test_a_job_that_runs_out_of_time_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recommendations.exporting.job._REPORTED_AT_ONCE", 2)
    before = stored_files()
    late = SimpleNamespace(get_remaining_time_in_millis=lambda: 1000)

    with pytest.raises(JobError, match=r"manage\.py export"):
        jobs.export({"parameters": {"kind": "events"}}, late)
    assert stored_files() == before


def test_without_a_bucket_a_job_says_so(settings: Any) -> None:
    settings.EXPORT_BUCKET = ""
    with pytest.raises(JobError, match="EXPORT_BUCKET"):
        jobs.export({"parameters": {"kind": "users"}})


def test_over_the_api_an_export_needs_the_scope_of_what_it_reads(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommendations.services.jobs._spawn", lambda **_: None)
    body = {"job": "export", "parameters": {"kind": "users", "format": "csv"}}

    error_of(send(api_client("jobs:run"), "POST", "/api/v1/jobs/", body), 403)
    started = send(api_client("jobs:run", "users:read"), "POST", "/api/v1/jobs/", body)
    assert started.status_code == 201, started.content
    assert started.json()["parameters"] == body["parameters"]
    for wrong in ({"job": "export"}, {"job": "train", "parameters": {"kind": "users"}}):
        error_of(send(api_client(), "POST", "/api/v1/jobs/", wrong), 400)
