"""No junk in a body, a path or a query makes the API fail."""

from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from core.api.docs import openapi
from recommendations.services import jobs
from tests.api_client import api_client, send

pytestmark = pytest.mark.usefixtures("dynamodb")

BODIES: list[Any] = [
    b"",
    None,
    True,
    0,
    -1.5,
    10**30,
    "text",
    [],
    {},
    [[]],
    [None, 1, "x", {}],
    {"": ""},
    {"user_id": None},
    {"user_id": {"user_id": "a"}, "item_id": []},
    {"user_id": "a", "items": [{}], "type": "view"},
    {"user_id": "a", "items": [{"item_id": "x", "quantity": 10**30}], "type": "view"},
    {"user_id": "a", "items": [{"item_id": "x", "price": 1e308}], "type": "view"},
    {
        "user_id": "a",
        "items": [{"item_id": "x"}],
        "type": "view",
        "timestamp": "0001-01-01T00:00:00Z",
    },
    {
        "user_id": "a",
        "items": [{"item_id": "x"}],
        "type": "view",
        "timestamp": "9999-12-31T23:59:59-23:59",
    },
    {"item_id": "a", "name": "a\u0000b", "price": "1E+11", "attributes": {"\u0000": "\u0000"}},
    {"item_id": "a", "name": "x", "price": "-0", "published_at": "0001-01-01T00:00:00+14:00"},
    {"item_id": "a", "name": "x", "attributes": {"a": 1e308, "b": -0.0, "c": 1e-320}},
    {"user_id": "a", "email": "\u0130@\u0130", "name": "\ufffe\ud7ff"},
]
QUERIES = [
    "limit=9999999999999999999999",
    "timestamp=9999-12-31T23:59:59-23:59&user_id=a",
    "timestamp=0001-01-01T00:00:00%2B14:00&user_id=a",
    "q=%F0%9D%94%84&limit=1",
    "q=%22%27%3B--",
    "type=view&type=view",
    "price_min=1E%2B11&price_max=-1",
    "=&&=",
    "%00=1",
]
IDS = ["a", "a/b", ".", "\U0001d504" * 128, "bulk", "a\nb", "x" * 5000, "%", "\ufffe"]


def operations() -> list[tuple[str, str]]:
    return [
        (method.upper(), path) for path, methods in openapi()["paths"].items() for method in methods
    ]


@pytest.mark.parametrize(("method", "path"), operations())
def test_junk_is_the_senders_mistake(
    method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_spawn", lambda **_: None)
    client = api_client()
    prefix, brace, rest = path.partition("{")
    rest = rest.partition("}")[2]
    paths = [f"{prefix}{quote(one, safe='')}{rest}" for one in IDS] if brace else [path]
    addresses = [*paths, *(f"{paths[0]}?{query}" for query in QUERIES)]
    tries = [(address, {}) for address in addresses]
    if method in {"POST", "PUT", "PATCH"}:
        tries += [(paths[0], body) for body in BODIES]
        if "bulk" in path or path.endswith("/events/"):
            tries += [(paths[0], [body]) for body in BODIES[1:]]

    for address, body in tries:
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        response = send(client, method, address, raw, idempotency_key=f"k{len(raw)}")
        assert response.status_code < 500, (address, body)
