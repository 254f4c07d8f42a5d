"""The OpenAPI schema is valid, complete, and says what the API does."""

import re

import msgspec
import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from core.api.answers import ErrorBody
from core.api.docs import openapi
from core.api.schema import schema_of
from tests.api_client import api_client, send
from users.permissions import SCOPES

METHODS = [
    (path, method, operation)
    for path, methods in openapi()["paths"].items()
    for method, operation in methods.items()
]


def test_the_schema_is_valid_openapi() -> None:
    schema = Client().get("/api/schema/").json()

    validate_schema(schema)
    assert schema["openapi"].startswith("3.1")
    assert schema["servers"] == [{"url": "/"}]


def test_the_server_is_where_the_application_is_mounted() -> None:
    schema = Client(SCRIPT_NAME="/production").get("/api/schema/").json()

    assert schema["servers"] == [{"url": "/production"}]


def test_operations_have_names_of_their_own_and_known_scopes() -> None:
    names = [operation["operationId"] for _, _, operation in METHODS]
    scopes = {
        scope
        for _, _, operation in METHODS
        for scope in re.findall(r"`(\w+:\w+)`", operation["description"])
    }

    assert len(names) == len(set(names)) > 20
    assert scopes <= set(SCOPES)
    assert all(operation["summary"] for _, _, operation in METHODS)


@pytest.mark.parametrize(("path", "method", "operation"), METHODS)
def test_every_operation_documents_its_key_its_errors_and_its_body(
    path: str, method: str, operation: dict
) -> None:
    assert {"apiKey": []} in operation["security"]
    for status in ("400", "401", "403", "429", "503"):
        schema = operation["responses"][status]["content"]["application/json"]["schema"]
        assert schema == schema_of(ErrorBody)
    assert any(status.startswith("2") for status in operation["responses"])
    if method in {"put", "patch"} or "bulk" in path:
        assert operation["requestBody"]["required"]
        assert "413" in operation["responses"]


def test_references_lead_somewhere() -> None:
    schema = openapi()
    names = set(re.findall(r"#/components/schemas/([^']+)'", str(schema)))

    assert names
    assert names <= set(schema["components"]["schemas"])


@pytest.mark.usefixtures("dynamodb")
@pytest.mark.parametrize(
    ("method", "path", "body", "documented"),
    [
        ("POST", "/api/v1/users/", {"user_id": "a", "labels": ["x"]}, "/api/v1/users/"),
        ("GET", "/api/v1/users/", None, "/api/v1/users/"),
        ("PUT", "/api/v1/items/a/", {"name": "A", "price": "1.5"}, "/api/v1/items/{item_id}/"),
        ("POST", "/api/v1/items/bulk/", [{"item_id": "a", "name": "A"}, 5], "/api/v1/items/bulk/"),
        ("POST", "/api/v1/events/", [{}], "/api/v1/events/"),
        ("GET", "/api/v1/recommendations/popular/", None, "/api/v1/recommendations/popular/"),
        ("GET", "/api/v1/users/a%23/", None, "/api/v1/users/{user_id}/"),
    ],
)
def test_answers_are_as_documented(method: str, path: str, body: object, documented: str) -> None:
    response = send(api_client(), method, path, body)
    answers = openapi()["paths"][documented][method.lower()]["responses"]
    schema = answers[str(response.status_code)]["content"]["application/json"]["schema"]

    validator = Draft202012Validator({**schema, "components": openapi()["components"]})
    assert list(validator.iter_errors(response.json())) == []


def test_two_structs_of_one_name_are_refused() -> None:
    schema_of(msgspec.defstruct("Twin", [("a", int)]))
    with pytest.raises(ValueError, match="Twin"):
        schema_of(msgspec.defstruct("Twin", [("b", int)]))


def test_the_page_needs_no_other_server_and_no_inline_script() -> None:
    html = Client().get("/api/docs/").content.decode()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', html)

    assert addresses
    for address in addresses:
        assert address.startswith("/")
        if address.startswith("/static/"):
            assert finders.find(address.removeprefix("/static/")), address
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=", html)
