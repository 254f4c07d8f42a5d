"""Staff see what recommendations led to, and what an experiment says."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from django.test import Client

from recommendations.placements import Experiment, Placement, Variant
from recommendations.services import attribution, events, placements, statistics
from recommendations.storage.events import key_of
from tests.recommendations.factories import event
from users.backends import staff_user
from users.services import accounts

pytestmark = pytest.mark.usefixtures("dynamodb")

PATH = "/admin/insights/"


@pytest.fixture
def page(dynamodb: None) -> Callable[..., str]:
    account = accounts.create(username="vic", password="correct horse battery", role="viewer")
    client = Client()
    client.force_login(staff_user(account))

    def get(**query: str) -> str:
        """Return the page with the part that the browser asks for."""
        response = client.get(PATH, query)
        assert response.status_code == 200
        text = response.content.decode()
        if response.context["part"] is not None:
            text += client.get(response.context["part"]["url"]).content.decode()
        return text

    return get


def show(placement: str, variant: str, kind: str = "impression") -> None:
    one = msgspec.structs.replace(
        event("ann", "tea", "cup", kind=kind, event_id=f"{kind}-{variant}"),
        timestamp=datetime.now(UTC),
        recommendation_id=attribution.new_id(
            recommender="popular", placement=placement, variant=variant
        ),
    )
    events.record(events=[one])
    statistics.apply(keys=[key_of(one)])


def test_an_experiment_is_shown_with_its_variants_and_an_honest_verdict(
    page: Callable[..., str],
) -> None:
    experiment = Experiment(name="one", variants=(Variant(name="old"), Variant(name="new")))
    row = Placement(name="home", recommender="popular", experiment=experiment)
    placements.save(placement=row, by="ada")
    for variant in ("old", "new"):
        show("home", variant)
    show("home", "new", "click")

    text = page(placement="home")

    assert '<option value="home" selected>' in text
    assert text.count("not enough data yet") == 3
    assert "too little shown to tell" in text
    assert "100.00 %" in text
    assert 'data-values="' in text
    assert "between 0 and 2." in text


def test_a_shop_without_traffic_is_told_what_to_send(page: Callable[..., str]) -> None:
    assert "Send an impression for each list" in page()


def test_bad_questions_are_explained(page: Callable[..., str]) -> None:
    assert "not after" in page(since="2026-11-02", until="2026-11-01")
    assert "366 days" in page(since="2020-11-02", until="2026-11-01")
    assert "Enter a valid date" in page(since="yesterday")
    assert "There is no placement of this name" in page(placement="nowhere")
