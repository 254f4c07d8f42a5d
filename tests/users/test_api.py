"""The customers of the shop, over REST."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from tests.api_client import api_client, error_of, send
from users.entities import Customer
from users.services import customers

pytestmark = pytest.mark.usefixtures("dynamodb")
USERS = "/api/v1/users/"
FULL = {
    "user_id": "17850",
    "email": "Ann@example.com",
    "name": "Ann Ü",
    "labels": ["vip"],
    "attributes": {"age": 40, "rate": 0.5, "ok": True, "note": None, "city": "Ulm"},
}
EMPTY = {"email": None, "name": None, "labels": [], "attributes": {}}


def put(user_id: str, body: Any) -> Any:
    return send(api_client(), "PUT", f"{USERS}{quote(user_id, safe='')}/", body)


def test_a_user_is_saved_read_changed_and_erased() -> None:
    client = api_client()

    created = send(client, "POST", USERS, FULL)
    assert (created.status_code, created.json()) == (201, FULL)
    assert created["Location"] == f"http://testserver{USERS}17850/"
    assert client.get(created["Location"]).json() == FULL

    changed = send(client, "PATCH", f"{USERS}17850/", {"name": None, "labels": ["new"]})
    assert changed.json() == {**FULL, "name": None, "labels": ["new"]}
    assert client.get(f"{USERS}17850/").json() == changed.json()

    replaced = send(client, "PUT", f"{USERS}17850/", {"email": "a@b.c"})
    assert replaced.json() == {**EMPTY, "user_id": "17850", "email": "a@b.c"}

    receipt = send(client, "DELETE", f"{USERS}17850/")
    assert receipt.status_code == 200
    assert receipt.json()["erased"]["users"] == 1
    assert not any(receipt.json()["remaining"].values())
    for method in ("GET", "DELETE"):
        error_of(send(client, method, f"{USERS}17850/"), 404)
    error_of(send(client, "PATCH", f"{USERS}17850/", {}), 404)


def test_what_was_read_can_be_put_and_patched_back() -> None:
    client = api_client()
    send(client, "POST", USERS, FULL)

    for method in ("PUT", "PATCH"):
        assert send(client, method, f"{USERS}17850/", FULL).json() == FULL
        other = send(client, method, f"{USERS}17850/", {**FULL, "user_id": "other"})
        assert "user_id" in error_of(other, 400)["details"]


@pytest.mark.parametrize(
    "user_id",
    [
        "a/b",
        "a%b",
        "a%2Fb",
        "a?b=c&d",
        "ü ß",
        "日本",
        "😀",
        "a+b",
        ".",
        "..",
        "x" * 128,
        "a@b.c",
        '"',
        "\\",
    ],
)
def test_ids_of_all_kinds_work_in_paths(user_id: str) -> None:
    assert put(user_id, {}).json()["user_id"] == user_id
    assert api_client().get(f"{USERS}{quote(user_id, safe='')}/").json()["user_id"] == user_id
    assert customers.find(user_id=user_id) == Customer(user_id=user_id)


@pytest.mark.parametrize(
    "user_id", ["a#b", "a\nb", "\n", "a\x7fb", "a\x1fb", "a\u0085b", "a\u2028b", "x" * 129, "a\n"]
)
def test_what_is_no_id_is_refused_everywhere(user_id: str) -> None:
    client = api_client()
    path = f"{USERS}{quote(user_id, safe='')}/"

    for method in ("GET", "DELETE"):
        assert "user_id" in error_of(send(client, method, path), 400)["details"]
    assert "user_id" in error_of(send(client, "PUT", path, {}), 400)["details"]
    assert "user_id" in error_of(send(client, "POST", USERS, {"user_id": user_id}), 400)["details"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"nmae": "x"}, "nmae"),
        ({"name": 5}, "name"),
        ({"name": "x" * 501}, "name"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b@c"}, "email"),
        ({"email": ""}, "email"),
        ({"labels": "vip"}, "labels"),
        ({"labels": [""]}, "labels[...]"),
        ({"labels": [1]}, "labels[0]"),
        ({"labels": ["x"] * 51}, "labels"),
        ({"labels": None}, "labels"),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"a": {"b": 1}}}, "attributes[...]"),
        ({"attributes": {"a": 2**60}}, "attributes[...]"),
        ({"attributes": {"": 1}}, None),
        ([], ""),
        ("x", ""),
        (None, ""),
    ],
)
def test_wrong_bodies_are_refused_with_the_field(body: Any, field: str | None) -> None:
    for method, path in (("PUT", f"{USERS}a/"), ("PATCH", f"{USERS}a/")):
        customers.save(customers=[Customer(user_id="a")])
        raw = b"null" if body is None else body
        details = error_of(send(api_client(), method, path, raw), 400)["details"]
        if field is not None:
            assert len(details) == 1
            assert next(iter(details)).split("[")[0] == field.split("[")[0]
    assert customers.find(user_id="a") == Customer(user_id="a")


def test_missing_and_foreign_fields_are_named() -> None:
    client = api_client()

    missing = error_of(send(client, "POST", USERS, {"name": "x"}), 400)
    assert missing["details"] == {"user_id": ["This field is required."]}
    assert "user_id" in missing["message"]


def test_the_list_finds_ids_and_addresses() -> None:
    client = api_client()
    send(client, "POST", USERS, FULL)
    send(client, "POST", USERS, {"user_id": "annex"})

    def found(q: str) -> list[str]:
        return [row["user_id"] for row in client.get(USERS, {"q": q}).json()["results"]]

    assert found("ann") == ["17850", "annex"]
    assert found("178") == ["17850"]
    assert found("nothing") == []


def test_one_bad_row_costs_no_good_one() -> None:
    rows: list[Any] = [{"user_id": f"u{number}"} for number in range(30)]
    rows[3] = {"user_id": "a#b"}
    rows[7] = None
    rows[9] = {"user_id": "u9", "age": 4}

    answer = send(api_client(), "POST", f"{USERS}bulk/", rows)

    assert answer.status_code == 200
    assert answer.json()["accepted"] == 27
    rejected = {row["index"]: row["error"] for row in answer.json()["rejected"]}
    assert list(rejected) == [3, 7, 9]
    assert rejected[9]["details"] == {"age": ["This field is not known; remove it."]}
    assert all(error["code"] == "invalid" and error["message"] for error in rejected.values())
    assert len(customers.listing(limit=100).rows) == 27


def test_bulk_takes_1000_rows_and_no_more() -> None:
    rows = [{"user_id": f"u{number}"} for number in range(1001)]

    error_of(send(api_client(), "POST", f"{USERS}bulk/", rows), 413)
    assert send(api_client(), "POST", f"{USERS}bulk/", rows[:1000]).json()["accepted"] == 1000
    assert send(api_client(), "POST", f"{USERS}bulk/", []).json() == {"accepted": 0, "rejected": []}
    error_of(send(api_client(), "POST", f"{USERS}bulk/", {"users": rows[:2]}), 400)


def test_the_export_holds_all_that_is_stored() -> None:
    client = api_client()
    send(client, "POST", USERS, FULL)
    event = {"user_id": "17850", "type": "view", "items": [{"item_id": "x"}]}
    send(client, "POST", "/api/v1/events/", event)

    document = client.get(f"{USERS}17850/export/").json()

    assert document["users"] == [FULL]
    assert document["events"][0]["items"][0]["item_id"] == "x"
    error_of(client.get(f"{USERS}nobody/export/"), 404)


def test_erasing_takes_the_history_too() -> None:
    client = api_client()
    event = {"user_id": "a", "type": "view", "items": [{"item_id": "x"}]}
    send(client, "POST", "/api/v1/events/", [event, event])

    receipt = send(client, "DELETE", f"{USERS}a/").json()

    assert receipt["erased"]["events"] == 2
    assert not any(receipt["remaining"].values())
    assert client.get(f"{USERS}a/events/").json()["results"] == []


@pytest.mark.parametrize(
    "user_id", ["bulk", "a/export", "a/events", "export", "bulk/export", "a/events/export"]
)
def test_a_user_of_any_id_can_be_changed_exported_and_erased(user_id: str) -> None:
    client = api_client()
    path = f"{USERS}{quote(user_id, safe='')}/"

    assert send(client, "POST", USERS, {"user_id": user_id}).status_code == 201
    assert send(client, "PUT", path, {"name": "A"}).json()["name"] == "A"
    assert send(client, "PATCH", path, {"name": "B"}).json()["name"] == "B"
    assert client.get(f"{path}export/").json()["users"][0]["user_id"] == user_id
    assert client.get(f"{path}events/").json()["results"] == []
    assert send(client, "DELETE", path).json()["erased"]["users"] == 1
    assert customers.find(user_id=user_id) is None


def test_a_user_whose_id_is_bulk_can_be_read() -> None:
    customers.save(customers=[Customer(user_id="bulk")])

    assert api_client().get(f"{USERS}bulk/").json()["user_id"] == "bulk"
    error_of(api_client("users:read").delete(f"{USERS}bulk/"), 403)
    error_of(send(api_client(), "POST", f"{USERS}a%2Fexport/", {}), 405)


def test_patches_at_the_same_moment_undo_nothing() -> None:
    customers.save(customers=[Customer(user_id="a", attributes={"x": "y" * 1000})])
    client = api_client()
    changes = ({"name": "Ann"}, {"email": "a@b.c"}, {"labels": ["vip"]})
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda body: send(client, "PATCH", f"{USERS}a/", body), changes))

    assert [answer.status_code for answer in answers] == [200] * 3
    assert customers.find(user_id="a") == Customer(
        user_id="a", name="Ann", email="a@b.c", labels=("vip",), attributes={"x": "y" * 1000}
    )
