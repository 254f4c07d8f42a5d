"""Staff who are logged in, and a small shop to look at."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client

from recommendations.entities import Item
from recommendations.services import catalogue, events
from recommendations.storage import versions as versions_storage
from recommendations.storage.versions import ModelVersion
from tests.recommendations.factories import event, store_model
from users.backends import staff_user
from users.entities import Customer
from users.services import accounts, customers

PASSWORD = "correct horse battery"
LogIn = Callable[[str], Client]
METRICS = {"recall@20": 0.2, "ndcg@20": 0.1, "hit_rate@20": 0.5, "coverage@20": 0.4}


@pytest.fixture
def log_in(dynamodb: None) -> LogIn:
    def as_role(role: str) -> Client:
        account = accounts.create(username=role, password=PASSWORD, role=role)
        client = Client()
        client.force_login(staff_user(account))
        return client

    return as_role


@pytest.fixture
def shop(dynamodb: None) -> None:
    """A user who bought a lamp, a model that knows what goes with it, and one before it."""
    catalogue.save(
        items=[
            Item(item_id="lamp", name="Lamp <small>", price=Decimal("2.50"), currency="GBP"),
            Item(item_id="bulb", name="Bulb", categories=("Light",)),
            Item(item_id="shade", name="Shade"),
        ]
    )
    customers.save(customers=[Customer(user_id="u/1", email="ada@example.com", labels=("vip",))])
    events.record(events=[event("u/1", "lamp", event_id="o-1")])
    for version in ("v1", "v2"):
        store_model(version, {"lamp": [("bulb", 0.9), ("shade", 0.1)]}, popular=["shade"])
        versions_storage.save(
            ModelVersion(
                version=version,
                created_at="2026-11-01T00:00:00Z",
                state="ready",
                parameters={"k": 100},
                data={
                    "events": 1234,
                    "users": 1,
                    "items": 3,
                    "from": "2026-10-01T00:00:00Z",
                    "to": "2026-11-01T12:00:00Z",
                    "daily": list(range(1, 9)),
                },
                metrics={"model": METRICS, "popular": {**METRICS, "recall@20": 0.05}},
                rows={"neighbours": 1},
            )
        )
