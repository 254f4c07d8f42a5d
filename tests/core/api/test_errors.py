"""Whatever goes wrong below /api/, the answer is JSON of one form with the right status."""

from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.test import Client
from django.urls import path
from rest_framework.exceptions import Throttled

from core.api.errors import ApiError
from core.api.operations import ApiView, operation
from core.dynamodb.errors import BatchIncompleteError, RowTooLargeError
from tests.api_client import api_client, error_of, send

pytestmark = pytest.mark.usefixtures("dynamodb")
in_our_urls = pytest.mark.urls(__name__)

failure: Exception = RuntimeError()


class Failing(ApiView):
    @operation("Fail", scope="catalog:read")
    def get(self) -> Any:
        raise failure

    def put(self, request: object) -> None:
        """A method that nobody declared as an operation."""


urlpatterns = [path("api/v1/fail/", Failing.as_view())]


@in_our_urls
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ApiError(409, "Taken."), 409),
        (Http404(), 404),
        (PermissionDenied(), 403),
        (SuspiciousOperation(), 400),
        (RowTooLargeError("x"), 413),
        (Throttled(wait=3.2), 429),
        (BatchIncompleteError([1]), 503),
        (ReadTimeoutError(endpoint_url="x"), 503),
        (RuntimeError("secret detail"), 500),
        (KeyError("secret detail"), 500),
    ],
)
def test_exceptions_get_their_status(
    error: Exception, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "failure", error)

    response = api_client().get("/api/v1/fail/")

    assert "secret" not in str(error_of(response, status))
    assert ("Retry-After" in response) == (status in {429, 503})


@in_our_urls
def test_a_method_that_is_no_operation_is_closed_to_all() -> None:
    error_of(send(api_client(), "PUT", "/api/v1/fail/"), 403)


def test_unknown_addresses() -> None:
    error_of(Client().get("/api/v1/nothing/"), 404)
    error_of(Client().get("/api/"), 404)
    assert "slash" in error_of(send(Client(), "POST", "/api/v1/items"), 404)["message"]


def test_reading_without_the_slash_is_redirected() -> None:
    assert Client().get("/api/v1/items")["Location"] == "/api/v1/items/"


def test_other_methods_are_named_in_allow() -> None:
    client = api_client()
    for method in ("DELETE", "OPTIONS", "TRACE", "PROPFIND"):
        response = send(client, method, "/api/v1/items/")
        assert error_of(response, 405)["code"] == "method_not_allowed"
        assert "GET" in response["Allow"]
    response = Client().post("/api/v1/health/live/")
    assert error_of(response, 405)
    assert "GET" in response["Allow"]


def test_a_host_that_is_not_ours() -> None:
    error_of(Client().get("/api/v1/items/", headers={"host": "evil.example"}), 400)


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/items/a%00b/",
        "/api/v1/items/?q=%ff",
        "/api/v1/items/?q=%00",
        "/api/v1/items/?%c3=1",
    ],
)
def test_addresses_that_are_not_text(address: str) -> None:
    path_, _, query = address.partition("?")
    response = api_client().generic("GET", path_, QUERY_STRING=query)

    assert "UTF-8" in error_of(response, 400)["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"item_id": NaN}',
        b'{"item_id": Infinity}',
        b'{"item_id": 1e999}',
        b'{"item_id": "\\ud800"}',
        b'{"item_id": "\xff"}',
        b'{"item_id": "\xed\xa0\x80"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"null",
        b"[]",
        b'"text"',
        b"12",
        b"\xef\xbb\xbf{}",
    ],
)
def test_bodies_that_are_no_item(body: bytes) -> None:
    error_of(send(api_client(), "POST", "/api/v1/items/", body), 400)


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "", "/"],
)
def test_bodies_of_another_type(content_type: str) -> None:
    response = api_client().generic(
        "POST", "/api/v1/items/", b'{"item_id": "a", "name": "b"}', content_type=content_type
    )

    assert "Content-Type: application/json" in error_of(response, 415)["message"]


def test_json_with_a_charset_and_any_accept_is_fine() -> None:
    response = api_client().generic(
        "POST",
        "/api/v1/items/",
        b'{"item_id": "a", "name": "b"}',
        content_type="Application/JSON; charset=utf-8",
        headers={"accept": "text/html"},
    )

    assert response.status_code == 201
    assert response["Content-Type"] == "application/json"


def test_bodies_above_the_limit() -> None:
    body = b'{"item_id": "a", "name": "' + b"x" * 5 * 1024**2 + b'"}'

    assert "5 MB" in error_of(send(api_client(), "POST", "/api/v1/items/", body), 413)["message"]


@pytest.mark.parametrize("address", ["/api/v1/items/%ff/", "/api/v1/items/%ed%a0%80/"])
def test_a_path_that_is_not_text_names_nothing(address: str) -> None:
    error_of(api_client().generic("GET", address), 404)


def test_too_many_query_parameters() -> None:
    error_of(api_client().get("/api/v1/items/?" + "a=1&" * 2000), 400)
