"""Requests through every front that AWS has, handled by the real handler, Zappa and the site."""

import base64
import hashlib
import json
import logging
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from core import usage
from project.aws import http
from project.aws.handler import lambda_handler
from tests.project.aws.echo import PICTURE
from tests.project.aws.events import CLIENT, FRONTS, http_api
from tests.project.aws.zappa_settings import zappa_settings
from users.services import accounts

CONTEXT = SimpleNamespace(aws_request_id="call-1")
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def site(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `zappa deploy` writes into the package, and hosts that may be asked."""
    settings.ROOT_URLCONF = "tests.project.aws.echo"
    settings.ALLOWED_HOSTS = ["*"]
    monkeypatch.setitem(sys.modules, "zappa_settings", zappa_settings())
    for name in ("SERVERTYPE", "FRAMEWORK", "PROJECT", "STAGE"):
        monkeypatch.setenv(name, "")
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


class Front:
    """One way into the site; keeps cookies."""

    def __init__(self, name: str) -> None:
        self._event, self.host, self.prefix = FRONTS[name]
        self.cookies: dict[str, str] = {}

    def call(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        sent = dict(headers or {})
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = lambda_handler(self._event(method, path, sent, body), CONTEXT)
        several = answer.get("multiValueHeaders", {})
        for line in (
            answer.get("cookies") or several.get("Set-Cookie") or several.get("set-cookie", [])
        ):
            self.cookies |= {key: each.value for key, each in SimpleCookie(line).items()}
        content = answer["body"]
        assert isinstance(content, str)
        is_binary = answer.get("isBase64Encoded", False)
        return (
            answer["statusCode"],
            {name.lower(): value for name, value in answer["headers"].items()},
            base64.b64decode(content) if is_binary else content.encode(),
        )


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> Front:
    return Front(request.param)


def test_addresses_carry_the_prefix_of_the_front(front: Front) -> None:
    status, _, body = front.call("GET", "/echo/?q=a%20b&q=%C3%A9")
    found = json.loads(body)

    assert status == 200
    assert found["query"] == {"q": ["a b", "é"]}
    assert found["address"].startswith(f"https://{front.host}{front.prefix}/echo/?q=")
    assert found["secure"] is True
    assert found["client"] == CLIENT, "a client may write X-Forwarded-For itself"


def test_forms_and_files_arrive_as_they_were_sent(front: Front) -> None:
    form = urlencode({"name": ["Käse & Brot", "100%"]}, doseq=True).encode()
    _, _, body = front.call("POST", "/echo/", {"content-type": FORM}, form)
    assert json.loads(body)["fields"] == {"name": ["Käse & Brot", "100%"]}

    content = bytes(range(256)) * 64
    file = SimpleNamespace(name="ordners-é.csv.gz", read=lambda: content)
    form = encode_multipart(BOUNDARY, {"note": "ö", "file": file})
    _, _, body = front.call("POST", "/echo/", {"content-type": MULTIPART_CONTENT}, form)
    found = json.loads(body)
    assert found["fields"] == {"note": ["ö"]}
    assert found["files"] == {"file": [file.name, hashlib.sha256(content).hexdigest()]}


def test_binary_answers_and_cookies_leave_as_they_were_made(front: Front) -> None:
    status, headers, body = front.call("GET", "/picture/")

    assert (status, headers["content-type"], body) == (200, "image/png", PICTURE)
    assert front.cookies == {"one": "1", "two": "2"}


@pytest.mark.usefixtures("dynamodb")
def test_staff_log_in_and_go_on_below_the_prefix(front: Front) -> None:
    accounts.create(username="ada", password="correct horse battery", role="administrator")
    status, _, page = front.call("GET", "/admin/login/")
    assert status == 200
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.decode())
    assert token is not None
    form = {
        "csrfmiddlewaretoken": token[1],
        "username": "ada",
        "password": "correct horse battery",
        "next": f"{front.prefix}/admin/",
    }
    headers = {"content-type": FORM, "origin": f"https://{front.host}"}

    forged = {**headers, "origin": "https://evil.example"}
    assert front.call("POST", "/admin/login/", forged, urlencode(form).encode())[0] == 403
    status, headers, body = front.call("POST", "/admin/login/", headers, urlencode(form).encode())

    assert (status, body) == (302, b"")
    assert headers["location"] == f"{front.prefix}/admin/"
    status, _, page = front.call("GET", "/admin/")
    assert status == 200
    links = re.findall(r'(?:href|src|action)="(/[^"]*)"', page.decode())
    assert links
    assert all(link.startswith(f"{front.prefix}/") for link in links), links


@pytest.mark.parametrize(
    ("path", "content_type"), [("/admin/login/", MULTIPART_CONTENT), ("/admin/login/", FORM)]
)
def test_an_upload_beyond_the_limit_is_refused_with_a_page_that_says_so(
    front: Front, path: str, content_type: str, settings: Any
) -> None:
    settings.UPLOAD_BYTES = 1_000
    status, headers, page = front.call("POST", path, {"content-type": content_type}, b"x" * 1_001)

    assert status == 413
    assert headers["content-type"].startswith("text/html")
    assert "too large" in page.decode().lower()


def test_a_fault_below_the_site_is_an_error_of_the_function_and_printed_nowhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("ada@example.org")

    monkeypatch.setattr(http.zappa(), "wsgi_app", fail)
    with pytest.raises(ValueError):
        lambda_handler(http_api("GET", "/echo/"), CONTEXT)
    assert "ada@example.org" not in "".join(capsys.readouterr())


@pytest.mark.usefixtures("dynamodb")
def test_what_a_request_consumed_is_stored_before_the_function_sleeps(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.USAGE_SECONDS = 3600
    settings.FUNCTION_GB = 1.0
    monkeypatch.setattr(usage, "_sums", usage._Sums())
    settings.ROOT_URLCONF = "project.urls"

    Front("HTTP API").call("GET", "/api/v1/health/ready/")

    today = datetime.now(UTC).date()
    found = usage.find(since=today, until=today)[today]["endpoint", "GET /api/v1/health/ready/"]
    assert (found.calls, found.round_trips) == (1, 1)
    assert found.gb_seconds == pytest.approx(found.seconds)
