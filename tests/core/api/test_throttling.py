"""A key may ask so often and no more."""

import pytest
from django.test import Client

from core.api import throttling
from tests.api_client import api_client, error_of

pytestmark = pytest.mark.usefixtures("dynamodb")
PATH = "/api/v1/items/"


def statuses(client: Client, count: int) -> list[int]:
    return [client.get(PATH).status_code for _ in range(count)]


def test_who_asks_too_often_is_told_when_to_go_on(settings, monkeypatch) -> None:
    settings.API_RATE, settings.API_BURST = 0.5, 3
    now = 1000.0
    monkeypatch.setattr(throttling.time, "monotonic", lambda: now)
    client, other = api_client(), api_client()

    assert statuses(client, 3) == [200] * 3
    refused = client.get(PATH)
    assert error_of(refused, 429)["code"] == "too_many_requests"
    assert refused["Retry-After"] == "2"
    assert statuses(other, 1) == [200]

    now += 2
    assert statuses(client, 2) == [200, 429]
    now += 3600
    assert statuses(client, 4) == [200, 200, 200, 429]


def test_a_rate_of_zero_is_no_limit(settings) -> None:
    settings.API_RATE, settings.API_BURST = 0, 1

    assert statuses(api_client(), 3) == [200] * 3


def test_strangers_are_refused_without_being_counted(settings) -> None:
    settings.API_RATE, settings.API_BURST = 0.001, 1

    assert statuses(Client(), 3) == [401] * 3
