"""What was signed before the secret key was renewed stays good, in every running process."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.test import Client

from project.aws.parameters import create, revoke, rotate
from project.aws.rotation import Rotation, follow
from recommendations.services.attribution import origin_of
from tests.api_client import api_client, send
from users.services import accounts


@pytest.fixture
def name() -> str:
    name = f"/alsobought/tests/{secrets.token_hex(6)}"
    create(name)
    return name


@pytest.fixture
def process(name: str, settings: Any) -> Rotation:
    """The keys of this process, which Django signs with."""
    settings.SECRET_KEY_ROTATION = rotation = Rotation(name)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = rotation.current()[0], []
    return rotation


def later(rotation: Rotation) -> None:
    """Let the time pass after which a process reads the parameter again."""
    rotation._read_again = 0.0


def renew(name: str, *, hours_ago: int = 0) -> None:
    rotate(name, now=datetime.now(UTC) - timedelta(hours=hours_ago))


@pytest.mark.usefixtures("dynamodb")
def test_sessions_cursors_and_recommendation_ids_survive_a_rotation(
    name: str, process: Rotation
) -> None:
    accounts.create(username="ada", password="correct horse battery", role="viewer")
    staff = Client()
    form = {"username": "ada", "password": "correct horse battery"}
    assert staff.post("/admin/login/?next=/admin/", form).status_code == 302
    shop = api_client()
    items = [{"item_id": f"i{number}", "name": "A cake stand"} for number in range(3)]
    assert send(shop, "POST", "/api/v1/items/bulk/", items).status_code == 200
    page = urlsplit(shop.get("/api/v1/items/?limit=1").json()["next"])
    shown = shop.get("/api/v1/recommendations/popular/").json()["recommendation_id"]
    signed = signing.dumps("something")

    renew(name, hours_ago=2)
    later(process)

    assert staff.get("/admin/").status_code == 200
    assert signing.dumps("something") != signed, "a new key signs now"
    assert shop.get(f"{page.path}?{page.query}").status_code == 200
    assert origin_of(shown) is not None

    # The session was signed anew when it was used, so it outlives the old key altogether.
    renew(name, hours_ago=1)
    later(process)
    assert staff.get("/admin/").status_code == 200
    assert shop.get(f"{page.path}?{page.query}").status_code == 400
    assert origin_of(shown) is None


def test_no_process_signs_with_a_key_that_another_does_not_know(
    name: str, process: Rotation
) -> None:
    early, late = process, Rotation(name)
    renew(name)
    later(early)
    assert early.current()[0] == late.current()[0], "both still sign with the old one"
    assert len(early.current()) == 2
    later(late)
    assert early.current() == late.current()


def test_a_revoked_key_verifies_nothing(name: str, process: Rotation) -> None:
    signed = signing.dumps("something")
    revoke(name)
    later(process)
    follow()

    with pytest.raises(signing.BadSignature):
        signing.loads(signed)


def test_keys_stay_when_they_cannot_be_read_again(
    name: str, process: Rotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = process.current()
    monkeypatch.setattr(process, "_name", f"{name}-gone")
    later(process)

    assert process.current() == keys
    assert process._read_again > 0, "it does not try at each request"
