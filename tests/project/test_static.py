"""Static files as they are deployed: collected once, served from here or from a bucket."""

import gzip
import io
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
import pytest
from django.core.management import CommandError, call_command

from project.aws import assets
from project.aws.assets import MANIFEST, collect

ASK = """
import json, sys
import django
django.setup()
from django.test import Client
from django.urls import set_script_prefix
set_script_prefix("/stage/")
answers = []
for path, encoding in json.loads(sys.argv[1]):
    answer = Client().get(path, headers={"accept-encoding": encoding})
    content = b"".join(answer) if answer.streaming else answer.content
    answers.append([answer.status_code, dict(answer.headers), content.decode("latin-1")])
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("static") / "files"
    collect(folder)
    return folder


def ask(folder: Path, *paths: tuple[str, str], **environment: str) -> list[Any]:
    """Ask a process that has these collected files, as a function has them."""
    settings = {"STATIC_ROOT": str(folder), "STATIC_HASHED": "true", **environment}
    answer = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(paths)],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(answer.stdout)


def hashed(folder: Path, name: str) -> str:
    return json.loads((folder / MANIFEST).read_text())["paths"][name]


def test_files_are_kept_for_ever_and_sent_compressed(collected: Path) -> None:
    name = hashed(collected, "admin/css/base.css")
    plain = (collected / name).read_bytes().decode("latin-1")
    (page, *files) = ask(
        collected,
        ("/admin/login/", ""),
        (f"/static/{name}", "br, gzip"),
        (f"/static/{name}", "gzip"),
        (f"/static/{name}", "identity"),
        ("/static/admin/css/base.css", ""),
        ("/static/../manage.py", ""),
    )
    assert f'href="/stage/static/{name}"' in page[2]
    brotli, zipped, identity, unhashed, outside = files
    for status, headers, _ in (brotli, zipped, identity):
        assert status == 200
        assert headers["Cache-Control"] == "max-age=315360000, public, immutable"
        assert headers["Content-Type"].startswith("text/css")
        assert headers["Vary"] == "Accept-Encoding"
    assert brotli[1]["Content-Encoding"] == "br"
    assert zipped[1]["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped[2].encode("latin-1")).decode("latin-1") == plain
    assert len(brotli[2]) < len(zipped[2]) < len(plain) / 3
    assert identity[2] == plain
    assert (unhashed[0], outside[0]) == (404, 404)


def test_nothing_that_no_page_uses_is_collected(collected: Path) -> None:
    names = [file.relative_to(collected).as_posix() for file in collected.rglob("*")]

    assert not [name for name in names if "redoc" in name or ".map" in name]
    size = sum(file.stat().st_size for file in collected.rglob("*") if file.is_file())
    assert size < 8 * 2**20


def test_files_in_a_bucket_have_the_headers_that_they_would_have_here(
    collected: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    bucket = f"alsobought-static-{secrets.token_hex(4)}"
    client = boto3.client("s3")
    place = {"LocationConstraint": client.meta.region_name}
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    address = f"{client.meta.endpoint_url}/{bucket}/assets/"
    monkeypatch.setenv("STATIC_BUCKET", bucket)
    settings.STATIC_ADDRESS = address
    monkeypatch.setattr(
        "project.aws.management.commands.uploadstatic.collect",
        lambda target: shutil.copytree(collected, target, dirs_exist_ok=True),
    )
    said = []
    for _ in range(2):
        call_command("uploadstatic", stdout=(out := io.StringIO()))
        said.append(out.getvalue())
    assert not said[0].startswith("0 new files")
    assert said[1].startswith("0 new files")

    name = hashed(collected, "admin/css/base.css")
    found = client.head_object(Bucket=bucket, Key=f"assets/{name}")
    assert found["CacheControl"] == assets.FOR_EVER
    assert found["ContentType"] == "text/css; charset=utf-8"
    assert found["ContentEncoding"] == "gzip"
    picture = hashed(collected, "drf_spectacular_sidecar/swagger-ui-dist/favicon-32x32.png")
    found = client.head_object(Bucket=bucket, Key=f"assets/{picture}")
    assert (found["ContentType"], found.get("ContentEncoding")) == ("image/png", None)

    # The function has the names only, and its pages find the files and may load them.
    names = collected.parent / "names"
    names.mkdir()
    (names / MANIFEST).write_bytes((collected / MANIFEST).read_bytes())
    page, here = ask(
        names, ("/admin/login/", ""), (f"/static/{name}", ""), STATIC_ADDRESS=address.rstrip("/")
    )
    links = re.findall(r'(?:href|src)="([^"]+\.(?:css|js))"', page[2])
    assert links
    for link in links:
        assert link.startswith(address)
        with urlopen(link, timeout=10) as answer:  # noqa: S310  # MiniStack's own
            assert answer.status == 200
    origin = client.meta.endpoint_url
    policy = page[1]["Content-Security-Policy"]
    for kind in ("script-src", "style-src", "font-src"):
        assert f"{kind} 'self' {origin};" in policy
    assert here[0] == 404


def test_what_is_missing_is_said_before_anything_is_sent(
    settings: Any, collected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match="STATIC_ADDRESS"):
        call_command("uploadstatic", bucket="some")
    settings.STATIC_ADDRESS = "https://static.example/"
    monkeypatch.setattr("project.aws.management.commands.uploadstatic.collect", lambda _: None)
    with pytest.raises(CommandError, match="bucket alsobought-nowhere: NoSuchBucket; create it"):
        call_command("uploadstatic", bucket="alsobought-nowhere")


@pytest.mark.parametrize("address", ["static.example", "/static/", "ftp://static.example/"])
def test_an_address_that_is_none_stops_the_start(address: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"],
        env={**os.environ, "STATIC_ADDRESS": address},
        capture_output=True,
        text=True,
    )
    assert answer.returncode != 0
    assert "STATIC_ADDRESS must be a whole address" in answer.stderr
