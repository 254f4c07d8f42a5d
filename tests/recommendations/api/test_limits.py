"""The largest input that is valid fits into DynamoDB's rows; names nobody knows stay short."""

from typing import Any

import pytest

from tests.api_client import api_client, error_of, send

pytestmark = pytest.mark.usefixtures("dynamodb")
# Four bytes each in UTF-8.
WIDE = "\U0001d504"
ATTRIBUTES = {f"{number:02}" + WIDE * 98: WIDE * 1000 for number in range(50)}
LABELS = [WIDE * 100] * 50


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/api/v1/users/",
            {"user_id": WIDE * 128, "name": WIDE * 500, "labels": LABELS, "attributes": ATTRIBUTES},
        ),
        (
            "/api/v1/items/",
            {
                "item_id": WIDE * 128,
                "name": WIDE * 500,
                "categories": LABELS,
                "labels": LABELS,
                "attributes": ATTRIBUTES,
                "url": "https://" + WIDE * 1990,
                "image_url": "https://" + WIDE * 1990,
            },
        ),
        (
            "/api/v1/events/",
            {
                "user_id": WIDE * 128,
                "session_id": WIDE * 128,
                "order_id": WIDE * 128,
                "recommendation_id": WIDE * 128,
                "type": "purchase",
                "items": [
                    {
                        "item_id": WIDE * 125 + f"{number:03}",
                        "quantity": 1_000_000,
                        "price": "999999999999.999999",
                    }
                    for number in range(500)
                ],
            },
        ),
    ],
)
def test_the_largest_valid_input_is_stored(path: str, body: dict[str, Any]) -> None:
    response = send(api_client(), "POST", path, body)

    assert response.status_code in {201, 202}, response.content[:500]


def test_unknown_names_are_cut_in_errors() -> None:
    response = send(api_client(), "POST", "/api/v1/users/", {"user_id": "a", "x" * 100_000: 1})

    error_of(response, 400)
    assert len(response.content) < 2000
