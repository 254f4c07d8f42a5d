"""Nothing but health and the documentation answers without a key or a session."""

import pytest
from django.test import Client

from core.api.docs import openapi
from tests.api_client import api_client, error_of, new_key, send
from users.backends import staff_user
from users.services import accounts, keys

pytestmark = pytest.mark.usefixtures("dynamodb")


def operations() -> list[tuple[str, str]]:
    return [
        (method.upper(), path.replace("{", "").replace("}", ""))
        for path, methods in openapi()["paths"].items()
        for method in methods
    ]


@pytest.mark.parametrize(("method", "path"), operations())
def test_every_operation_needs_a_key(method: str, path: str) -> None:
    response = send(Client(), method, path)

    assert error_of(response, 401)["code"] == "unauthorized"
    assert response["WWW-Authenticate"].startswith("Api-Key")


@pytest.mark.parametrize(("method", "path"), operations())
def test_every_operation_needs_a_scope(method: str, path: str) -> None:
    other = "users:read" if "/placements/" in path else "placements:write"
    error_of(send(api_client(other), method, path), 403)


@pytest.mark.parametrize(
    "header",
    ["Api-Key", "Api-Key ", "Api-Key nonsense", "Api-Key ab_aaaaaaaa_" + "x" * 43, "Api-Key é"],
)
def test_what_is_no_key_is_refused_even_beside_a_session(header: str) -> None:
    response = logged_in("administrator").get("/api/v1/items/", headers={"authorization": header})

    error_of(response, 401)


def test_a_key_counts_instead_of_a_session_beside_it() -> None:
    header = f"Api-Key {new_key('placements:write')}"

    response = logged_in("administrator").get("/api/v1/items/", headers={"authorization": header})

    error_of(response, 403)


def test_a_session_counts_beside_the_password_of_a_proxy() -> None:
    client = logged_in("administrator")

    assert client.get("/api/v1/items/", headers={"authorization": "Basic eDp5"}).status_code == 200


def test_other_schemes_do_not_count() -> None:
    error_of(Client().get("/api/v1/items/", headers={"authorization": "Bearer x"}), 401)


def test_a_revoked_key_is_refused() -> None:
    text, key = keys.create(name="x", scopes=["catalog:read"], by="x")
    client = Client(headers={"authorization": f"api-key {text}"})
    assert client.get("/api/v1/items/").status_code == 200

    keys.revoke(prefix=key.prefix)

    error_of(client.get("/api/v1/items/"), 401)


def test_one_of_several_scopes_is_enough() -> None:
    for scope in ("insights:read", "jobs:run"):
        assert api_client(scope).get("/api/v1/models/").status_code == 200
    error_of(api_client("catalog:read").get("/api/v1/models/"), 403)


def logged_in(role: str, **options: object) -> Client:
    account = accounts.create(username="ada", password="correct horse battery", role=role)
    client = Client(raise_request_exception=False, **options)
    client.force_login(staff_user(account))
    return client


def test_staff_sessions_may_do_what_their_role_allows() -> None:
    client = logged_in("viewer")

    assert client.get("/api/v1/items/").status_code == 200
    error_of(send(client, "POST", "/api/v1/items/", {"item_id": "a", "name": "b"}), 403)


def test_staff_sessions_need_the_csrf_token_to_write() -> None:
    client = logged_in("operator", enforce_csrf_checks=True)
    item = {"item_id": "a", "name": "b"}

    refused = send(client, "POST", "/api/v1/items/", item)
    assert "CSRF" in error_of(refused, 403)["message"]

    client.cookies["csrftoken"] = "x" * 32
    accepted = send(client, "POST", "/api/v1/items/", item, x_csrftoken="x" * 32)
    assert accepted.status_code == 201


def test_keys_need_no_csrf_token() -> None:
    client = api_client()
    client.handler.enforce_csrf_checks = True

    assert send(client, "POST", "/api/v1/items/", {"item_id": "a", "name": "b"}).status_code == 201


def test_deactivated_staff_is_out_at_once() -> None:
    client = logged_in("viewer")
    accounts.set_active(
        account_id=accounts.find_by_username(username="ada").account_id, active=False
    )

    error_of(client.get("/api/v1/items/"), 401)
