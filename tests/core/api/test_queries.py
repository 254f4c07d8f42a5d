"""Lists page with signed cursors; query parameters are checked."""

import pytest

from core.dynamodb.cursors import encode_cursor
from tests.api_client import api_client, error_of, send
from users.entities import Customer
from users.services import customers

pytestmark = pytest.mark.usefixtures("dynamodb")
USERS = "/api/v1/users/"


@pytest.fixture
def five(dynamodb: None) -> list[str]:
    ids = [f"u{number}" for number in range(5)]
    customers.save(customers=[Customer(user_id=one, email=f"x{one}@y.z") for one in ids])
    return ids


def test_pages_follow_one_another_to_the_end(five: list[str]) -> None:
    client = api_client()
    found: list[str] = []
    address = f"{USERS}?limit=2&debug=cost"
    while address:
        page = client.get(address).json()
        found += [row["user_id"] for row in page["results"]]
        assert len(page["results"]) == 2 or page["next"] is None
        address = page["next"]

    assert found == five


def test_next_is_a_whole_address_that_keeps_the_filters(five: list[str]) -> None:
    page = api_client().get(f"{USERS}?limit=1&q=xu").json()

    assert page["next"].startswith(f"http://testserver{USERS}?limit=1&q=xu&cursor=")


def test_a_cursor_is_good_for_its_own_list_only(five: list[str]) -> None:
    client = api_client()
    cursor = client.get(f"{USERS}?limit=1&q=u").json()["next"].rpartition("cursor=")[2]

    assert client.get(f"{USERS}?limit=3&q=u&cursor={cursor}").status_code == 200
    for address in (
        f"{USERS}?cursor={cursor}",
        f"{USERS}?q=v&cursor={cursor}",
        f"/api/v1/items/?cursor={cursor}",
        f"{USERS}?q=u&cursor={cursor[:-2]}",
        f"{USERS}?q=u&cursor=x{cursor}",
        f"{USERS}?q=u&cursor=nonsense",
        f"{USERS}?q=u&cursor=",
        f"{USERS}?q=u&cursor=%F0%9F%98%80",
        f"{USERS}?q=u&cursor={encode_cursor(['id', 'u1'], scope='another')}",
    ):
        assert "cursor" in error_of(client.get(address), 400)["details"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=1e1000", "limit"),
        ("limit=1&limit=2", "limit"),
        ("offset=3", "offset"),
        ("debug=all", "debug"),
        ("q=" + "x" * 129, "q"),
        ("q=a%0ab", "q"),
        ("", None),
    ],
)
def test_query_parameters_are_checked(query: str, field: str | None) -> None:
    response = api_client().get(f"{USERS}?{query}")

    if field is None:
        assert response.status_code == 200
    else:
        assert list(error_of(response, 400)["details"]) == [field]


def test_operations_without_parameters_refuse_them_too() -> None:
    client = api_client()

    error_of(client.get(f"{USERS}a/?limit=3"), 400)
    error_of(send(client, "POST", f"{USERS}?x=1", {"user_id": "a"}), 400)


def test_unknown_parameters_are_told_the_known_ones() -> None:
    details = error_of(api_client().get(f"{USERS}?page=2"), 400)["details"]

    assert "cursor, debug, limit, q" in details["page"][0]
