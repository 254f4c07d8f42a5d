"""Staff see what settings would do, and change them for every list at once."""

from collections.abc import Callable

import pytest
from django.test import Client

from core import audit
from recommendations.services import events, preferences, recommend
from tests.recommendations.factories import event, store_model
from users.backends import staff_user
from users.services import accounts

pytestmark = pytest.mark.usefixtures("dynamodb")

FORM = {
    "purchase": "1",
    "like": "1",
    "cart": "0.5",
    "click": "0.2",
    "view": "5",
    "impression": "0",
    "half_life_days": "",
    "trending_days": "7",
    "attribution_days": "3",
    "number": "0",
}
LogIn = Callable[[str], Client]


@pytest.fixture
def log_in(dynamodb: None) -> LogIn:
    def as_role(role: str) -> Client:
        account = accounts.create(username=role, password="correct horse battery", role=role)
        client = Client()
        client.force_login(staff_user(account))
        return client

    return as_role


@pytest.fixture
def shop(dynamodb: None) -> None:
    """A user who bought a lamp and looked at a pot; bulbs go with lamps, lids with pots."""
    store_model("v1", {"lamp": [("bulb", 0.9)], "pot": [("lid", 0.9)]})
    events.record(
        events=[
            event("ada", "lamp", event_id="o-1"),
            event("ada", "pot", event_id="v-1", kind="view", hours=1),
        ]
    )


def shown() -> list[str]:
    return [row.item_id for row in recommend.serve(recommender="personal", user_id="ada").results]


def test_a_preview_shows_the_list_before_and_after_and_changes_nothing(
    log_in: LogIn, shop: None
) -> None:
    before = shown()
    page = log_in("viewer").post("/admin/settings/", {**FORM, "user_id": "ada", "preview": "1"})
    text = page.content.decode()

    assert page.status_code == 200
    assert before == ["bulb", "lid"]
    assert text.index("As it is") < text.index("With these settings")
    after = text[text.index("With these settings") :]
    assert after.index("lid") < after.index("bulb")
    assert "▲ 1" in after
    assert preferences.find().number == 0
    assert shown() == before


def test_saved_settings_hold_at_the_next_request_and_are_written_down(
    log_in: LogIn, shop: None
) -> None:
    assert shown() == ["bulb", "lid"]

    page = log_in("merchandiser").post("/admin/settings/", FORM, follow=True)

    assert "Saved." in page.content.decode()
    assert shown() == ["lid", "bulb"]
    (entry, *_) = audit.listing(limit=1).rows
    assert entry.action == "preferences.change"
    assert entry.by == "merchandiser"
    assert entry.before["weights"]["view"] != entry.after["weights"]["view"] == 5.0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"view": "11"}, "10"),
        ({"trending_days": "many"}, "whole number"),
        ({"half_life_days": "0"}, "1"),
        (dict.fromkeys(("purchase", "like", "cart", "click", "view"), "0"), "at least one"),
        ({"preview": "1"}, "Give a user"),
    ],
)
def test_what_cannot_be_is_refused_beside_the_field(
    log_in: LogIn, change: dict[str, str], text: str
) -> None:
    page = log_in("merchandiser").post("/admin/settings/", {**FORM, **change})

    assert page.status_code == 400
    assert text in page.content.decode()
    assert preferences.find().number == 0


def test_who_saved_first_is_not_overwritten(log_in: LogIn) -> None:
    client = log_in("merchandiser")
    client.post("/admin/settings/", FORM)

    page = client.post("/admin/settings/", {**FORM, "view": "2"})

    assert page.status_code == 409
    assert "somebody else" in page.content.decode()
    assert preferences.find().preferences.weights.view == 5


def test_who_may_only_look_cannot_save(log_in: LogIn) -> None:
    client = log_in("viewer")

    assert 'value="Save"' not in client.get("/admin/settings/").content.decode()
    assert client.post("/admin/settings/", FORM).status_code == 403
    assert preferences.find().number == 0
