"""What recommenders answer, and would answer: in the explorer, for a user, beside an item."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode

import msgspec
import pytest
from django.test import Client

from recommendations.engine.associations import Association
from recommendations.entities import Event, Line
from recommendations.placements import Placement
from recommendations.rules import Pin, Rules
from recommendations.services import events, placements, profiles, statistics
from recommendations.storage.events import key_of
from tests.recommendations.factories import event, happen, store_model

pytestmark = pytest.mark.usefixtures("shop")

LogIn = Callable[[str], Client]


@pytest.fixture
def site(log_in: LogIn) -> Client:
    # As the stream does.
    profiles.refresh(user_id="u/1")
    return log_in("merchandiser")


def lists(client: Client, url: str, **query: str) -> list[list[str]]:
    """Return the products of each list in a part, in order."""
    data = client.get(url, query or None).context["data"]
    each = [one["list"] for one in data["lists"]] if "lists" in data else [data]
    return [[row["product"].item_id for row in one["rows"]] for one in each]


def page(client: Client, url: str, **query: str) -> str:
    answer = client.get(url, query or None)
    assert answer.status_code == 200
    return answer.content.decode()


def save_placement() -> None:
    rules = Rules(pin=(Pin(item_id="shade", position=1),))
    row = Placement(name="home", recommender="personal", rules=rules)
    placements.save(placement=row, by="ada")


def test_two_models_are_compared_and_what_moved_is_marked(site: Client) -> None:
    near = [("shade", 0.9), ("bulb", 0.1)]
    store_model("v3", {"lamp": near}, retained=["v2"], publish=False)
    asked = {"kind": "user", "ids": "u/1", "beside": "v3"}

    whole = site.get("/admin/explorer/", asked)
    compared = whole.context["panels"][0].context["url"]

    assert "beside=v3" in compared
    assert lists(site, compared) == [["bulb", "shade"], ["shade", "bulb"]]
    text = page(site, compared)
    assert "By the live model" in text
    assert "By v3" in text
    assert "▲ 1" in text
    same = page(site, compared.replace("beside=v3", "beside=v2"))
    assert "the same products in the same order" in same
    (stored,) = profiles.stored(user_ids=["u/1"])
    assert [entry.item_id for entry in stored.entries] == ["bulb", "shade"], "nothing is stored"


def test_a_basket_and_an_item_are_asked_of_another_model_too(site: Client) -> None:
    pair = Association("shade", 2.0, 5, 0.25, 3.5)
    store_model("v3", {"lamp": [("shade", 0.9)]}, baskets={"lamp": [pair]}, publish=False)
    url = "/admin/explorer/"

    for kind, part in (("basket", "session"), ("item", "similar"), ("item", "bought_together")):
        asked = {"kind": kind, "ids": "lamp", "part": part}
        assert lists(site, url, **asked, version="v3")[0][0] == "shade"
    text = page(site, url, kind="item", ids="lamp", part="bought_together", version="v3")
    assert "25 %" in text
    assert "3.5" in text
    assert "often enough" in page(site, url, kind="item", ids="lamp", part="bought_together")


def test_a_placement_is_asked_by_its_name(site: Client) -> None:
    save_placement()
    asked = {"kind": "user", "ids": "u/1", "placement": "placement:home"}

    whole = site.get("/admin/explorer/", asked)
    first = whole.context["panels"][0]

    assert first.title == "Placement home"
    assert '<option value="placement:home" selected>' in whole.content.decode()
    assert lists(site, first.context["url"]) == [["shade", "bulb"]]
    assert ">Pinned<" in page(site, first.context["url"])
    gone = {**asked, "placement": "placement:gone"}
    assert "no such placement" in page(site, "/admin/explorer/", **gone, part="placement:gone")


def test_a_user_page_shows_any_two_lists_side_by_side(site: Client) -> None:
    save_placement()

    asked = {"show": "popular", "beside": "placement:home"}
    panels = site.get("/admin/users/u_2F1/", asked).context["panels"]

    titles = [panel.title for panel in panels]
    assert titles[1:] == ["Recommended now, and why", "Placement home", "What this user did"]
    assert lists(site, panels[1].context["url"]) == [["shade"]]
    assert lists(site, panels[2].context["url"]) == [["shade", "bulb"]]
    unknown = site.get("/admin/users/u_2F1/", {"show": "nonsense"})
    assert "Select a valid choice" in unknown.content.decode()


def test_what_would_be_recommended_without_an_event(site: Client) -> None:
    view = event("u/1", "bulb", event_id="view", kind="view", hours=1)
    store_model("v3", {"lamp": [("bulb", 0.9)], "bulb": [("shade", 0.9)]})
    happen(view)
    history = page(site, "/admin/users/u_2F1/parts/history/")
    assert history.count("What if not?") == 2
    key = "2026-11-01T13:00:00+00:00#view#u/1"
    asked = urlencode({"without": key})

    panels = site.get(f"/admin/users/u_2F1/?{asked}").context["panels"]
    what_if = panels[1].context["url"]

    now, then = lists(site, what_if)
    assert "shade" in now
    assert then == ["bulb"]
    text = page(site, what_if)
    assert "Without the event of 2026-11-01 13:00" in text
    assert "No longer here" in text
    assert events.history(actor="u/1", limit=9).rows[0] == view, "it is still there"


def test_without_the_only_event_nothing_personal_is_left(site: Client) -> None:
    asked = {"without": "2026-11-01T12:00:00+00:00#o-1#u/1"}

    now, then = lists(site, "/admin/users/u_2F1/parts/without/", **asked)

    assert now == ["bulb", "shade"]
    assert then == ["shade"], "what is popular"


def test_an_item_page_charts_what_was_sold_and_seen(site: Client) -> None:
    today = datetime.now(UTC)
    sold = Event(
        event_id="o-9",
        timestamp=today - timedelta(days=3),
        type="purchase",
        items=(Line("lamp", 4, Decimal("2.50")),),
        user_id="bob",
    )
    seen = msgspec.structs.replace(event("bob", "lamp", kind="view"), timestamp=today)
    old = msgspec.structs.replace(sold, event_id="o-8", timestamp=today - timedelta(days=90))
    events.record(events=[sold, seen, old])
    statistics.apply(keys=[key_of(sold), key_of(seen), key_of(old)])

    answer = site.get("/admin/items/lamp/parts/days/")
    sales, views = (each["data"]["counts"].split(",") for each in answer.context["data"]["charts"])

    assert len(sales) == 90
    assert sales[-4:] == ["4", "0", "0", "0"]
    assert views[-1] == "1"
    assert sum(map(int, sales)) == 4, "not what is older"
    assert ("Revenue", "10.00") in answer.context["data"]["facts"]
    assert "neither sold nor looked at" in page(site, "/admin/items/shade/parts/days/")


def test_an_item_is_pinned_or_buried_from_its_page(site: Client, log_in: LogIn) -> None:
    save_placement()

    text = page(site, "/admin/items/lamp/")

    assert "/admin/placement-editor/?name=home&amp;pin=lamp" in text
    buried = page(site, "/admin/placement-editor/", name="home", bury="lamp")
    assert 'name="bury-0-values" value="lamp"' in buried
    assert "placement-editor" not in page(log_in("viewer"), "/admin/items/lamp/")
