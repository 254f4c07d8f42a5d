"""Every answer has an id and a content policy; those who may see it get the cost."""

from wsgiref.util import setup_testing_defaults

import pytest
from django.test import Client

from project.wsgi import application
from tests.api_client import api_client
from users.backends import staff_user
from users.services import accounts

pytestmark = pytest.mark.usefixtures("dynamodb")
LIVE = "/api/v1/health/live/"
UNITS = ("X-DynamoDB-Read-Units", "X-DynamoDB-Write-Units", "X-DynamoDB-Round-Trips")


def test_every_request_has_an_id_of_its_own() -> None:
    first, second = (Client().get(LIVE)["X-Request-Id"] for _ in range(2))

    assert first
    assert first != second


@pytest.mark.parametrize("path", [LIVE, "/api/v1/nothing/", "/nothing/"])
def test_a_clients_id_is_kept(path: str) -> None:
    response = Client().get(path, headers={"x-request-id": "shop-1.2:3_4"})

    assert response["X-Request-Id"] == "shop-1.2:3_4"


@pytest.mark.parametrize("given", ["", "a b", "é", "x" * 101, '"><script>', "-", "a\r\nb"])
def test_other_ids_are_replaced(given: str) -> None:
    assert Client().get(LIVE, headers={"x-request-id": given})["X-Request-Id"] != given


def test_head_has_headers_but_no_body() -> None:
    # Without the test client, which removes the body itself.
    environ: dict[str, object] = {"SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    setup_testing_defaults(environ)
    environ |= {"REQUEST_METHOD": "HEAD", "PATH_INFO": LIVE, "HTTP_HOST": "localhost"}
    sent: list[tuple[str, dict[str, str]]] = []

    body = application(environ, lambda status, headers: sent.append((status, dict(headers))))

    assert b"".join(body) == b""
    assert sent[0][0] == "200 OK"
    assert int(sent[0][1]["Content-Length"]) > 0


def test_costs_are_shown_when_asked_for() -> None:
    client = api_client()
    client.get("/api/v1/users/a/")

    response = client.get("/api/v1/users/a/?debug=cost")

    assert [response[name] for name in UNITS] == ["1", "0", "1"]
    assert not any(name in client.get("/api/v1/users/a/") for name in UNITS)


def test_costs_are_shown_to_staff() -> None:
    account = accounts.create(username="ada", password="correct horse battery", role="viewer")
    client = Client()
    client.force_login(staff_user(account))

    response = client.get("/api/v1/users/a/")

    assert float(response["X-DynamoDB-Read-Units"]) > 0
    # Session and account, and the customer.
    assert response["X-DynamoDB-Round-Trips"] == "2"


@pytest.mark.parametrize("path", [LIVE, "/api/docs/", "/api/v1/nothing/", "/admin/login/"])
def test_only_our_own_scripts_and_styles_run(path: str) -> None:
    policy = Client().get(path)["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
