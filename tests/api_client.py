"""A client of the REST API, with a key of its own."""

from typing import Any

import msgspec
from django.http import HttpResponse
from django.test import Client

from users.permissions import SCOPES
from users.services import keys


def api_client(*scopes: str) -> Client:
    """Return a client with a key for these scopes; for all when none is named."""
    return Client(
        headers={"authorization": f"Api-Key {new_key(*scopes)}"}, raise_request_exception=False
    )


def new_key(*scopes: str) -> str:
    """Return the text of a new key for these scopes; for all when none is named."""
    text, _ = keys.create(name="tests", scopes=scopes or SCOPES, by="tests")
    return text


def send(client: Client, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
    """Send JSON; ``headers`` with underscores for hyphens."""
    return client.generic(
        method,
        path,
        data=body if isinstance(body, bytes) else _json(body),
        content_type="application/json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def _json(body: Any) -> bytes:
    return b"" if body is None else msgspec.json.encode(body)


def error_of(response: HttpResponse, status: int) -> dict[str, Any]:
    """Return the error of an answer, after checking that it has the documented form."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    (error,) = response.json().values()
    assert list(response.json()) == ["error"]
    assert set(error) == {"code", "message", "details"}
    assert error["code"]
    assert error["message"]
    assert all(isinstance(text, str) for texts in error["details"].values() for text in texts)
    return error
