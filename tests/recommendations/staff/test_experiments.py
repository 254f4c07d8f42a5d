"""Staff start experiments, see what they say, and end them, with a way back."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from django.test import Client

from core import audit
from recommendations.placements import Experiment, Placement, Variant
from recommendations.services import attribution, events, placements, statistics
from recommendations.storage.events import key_of
from tests.recommendations.factories import event

LogIn = Callable[[str], Client]
PATH = "/admin/experiments/"


@pytest.fixture
def running(dynamodb: None) -> None:
    """Two placements, of which the first one shows something new to a fourth of the users."""
    experiment = Experiment(
        name="summer",
        variants=(
            Variant(name="old", weight=3),
            Variant(name="new", weight=1, recommender="trending"),
        ),
    )
    for name, each in (("home", experiment), ("cart", None)):
        row = Placement(name=name, recommender="popular", experiment=each)
        placements.save(placement=row, by="ada")


def show(variant: str, kind: str = "impression") -> None:
    one = msgspec.structs.replace(
        event("ann", "tea", kind=kind, event_id=f"{kind}-{variant}"),
        timestamp=datetime.now(UTC),
        recommendation_id=attribution.new_id(
            recommender="popular", placement="home", variant=variant
        ),
    )
    events.record(events=[one])
    statistics.apply(keys=[key_of(one)])


def text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return " ".join(response.content.decode().split())


def current(name: str = "home") -> Placement:
    stored = placements.find(name=name)
    assert stored is not None
    return stored.placement


@pytest.mark.usefixtures("running")
def test_an_experiment_is_listed_with_its_split_and_says_what_it_found(log_in: LogIn) -> None:
    client = log_in("viewer")
    show("old")
    show("new")
    show("new", "click")

    page = text(client, PATH)
    assert "old 75 %, new 25 %" in page
    assert "actions/start/" not in page, "a viewer only looks"
    detail = text(client, f"{PATH}home/")
    assert "new: Trending" in detail
    assert "old: as the placement is" in detail
    response = client.get(f"{PATH}home/parts/result/")
    assert int(response["X-DynamoDB-Round-Trips"]) < 5
    result = response.content.decode()
    assert "Variants side by side" in result
    assert result.count("not enough data yet") == 3
    assert "No experiment runs in" in client.get(f"{PATH}cart/").content.decode()


@pytest.mark.usefixtures("running")
def test_a_variant_that_wins_becomes_the_placement_and_history_leads_back(log_in: LogIn) -> None:
    client = log_in("merchandiser")
    show("new")

    answer = client.post(f"{PATH}home/actions/adopt/", {"variant": "new"}, follow=True)

    assert "home is its variant new now" in answer.content.decode()
    assert (current().recommender, current().experiment) == ("trending", None)
    newest = placements.history(name="home", limit=1).rows[0]
    assert newest.note == "experiment summer ended, variant new adopted"
    (entry,) = audit.listing(limit=5).rows
    assert (entry.action, entry.target) == ("experiments.adopt", "home")
    assert entry.before["recommender"] == "popular"
    assert entry.after["recommender"] == "trending"
    page = text(client, PATH)
    assert "adopted new" in page
    (row,) = client.get(PATH).context["rows"]
    ended = text(client, row["url"])
    assert "What it said when it ended" in ended
    assert "merchandiser" in ended
    assert "/actions/stop/" not in ended
    placements.revert(name="home", number=1, by="ada")
    assert current().experiment is not None


@pytest.mark.usefixtures("running")
def test_a_stopped_experiment_leaves_the_placement_as_it_is(log_in: LogIn) -> None:
    client = log_in("merchandiser")
    assert "Stop summer in home?" in text(client, f"{PATH}home/actions/stop/")

    client.post(f"{PATH}home/actions/stop/")

    assert (current().recommender, current().experiment) == ("popular", None)
    assert "stopped" in text(client, PATH)
    assert client.get(PATH, {"state": "running"}).context["rows"] == []
    assert len(client.get(PATH, {"state": "ended"}).context["rows"]) == 1
    assert client.post(f"{PATH}home/actions/stop/").status_code == 404, "it is over"


@pytest.mark.usefixtures("running")
def test_an_experiment_is_started_in_a_placement_that_runs_none(log_in: LogIn) -> None:
    client = log_in("merchandiser")
    url = f"{PATH}actions/start/"
    form = client.get(url).context["form"]
    assert [name for name, _ in form.fields["placement"].choices] == ["cart"]
    wanted = {"placement": "cart", "name": "winter", "recommender": "latest", "share": "20"}

    wrong = client.post(url, {**wanted, "name": "Not allowed", "share": "100"})
    assert wrong.status_code == 400
    assert set(wrong.context["form"].errors) == {"share"}
    wrong = client.post(url, {**wanted, "name": "Not allowed"})
    assert set(wrong.context["form"].errors) == {"name"}
    answer = client.post(url, wanted, follow=True)

    assert answer.request["PATH_INFO"] == f"{PATH}cart/"
    experiment = current("cart").experiment
    assert experiment is not None
    assert [(each.name, each.weight, each.recommender) for each in experiment.variants] == [
        ("control", 80, None),
        ("other", 20, "latest"),
    ]


@pytest.mark.usefixtures("running")
def test_an_experiment_is_started_from_its_placement(log_in: LogIn) -> None:
    client = log_in("merchandiser")
    url = "/admin/placements/cart/actions/experiment/"
    assert url in text(client, "/admin/placements/cart/")
    wanted = {"placement": "cart", "name": "winter", "recommender": "latest", "share": "20"}

    assert "winter runs" in client.post(url, wanted, follow=True).content.decode()

    page = text(client, "/admin/placements/cart/")
    assert url not in page
    assert "/admin/experiments/cart/" in page


@pytest.mark.usefixtures("running")
def test_who_looked_at_an_older_version_changes_nothing(
    log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = log_in("merchandiser")
    looked_at = placements.find(name="home")
    other = msgspec.structs.replace(current(), limit=3)
    placements.save(placement=other, by="bob")
    monkeypatch.setattr(placements, "find", lambda **_: looked_at)

    answer = client.post(f"{PATH}home/actions/stop/")

    monkeypatch.undo()
    assert answer.status_code == 409
    assert current().experiment is not None
    assert current().limit == 3


def test_results_come_back_as_they_were_kept(log_in: LogIn, running: None) -> None:
    show("new")
    one = msgspec.structs.replace(
        event("ann", "tea", kind="purchase", event_id="order"),
        timestamp=datetime.now(UTC),
        recommendation_id=attribution.new_id(
            recommender="popular", placement="home", variant="new"
        ),
    )
    priced = msgspec.structs.replace(
        one, items=tuple(msgspec.structs.replace(line, price=Decimal("2.50")) for line in one.items)
    )
    events.record(events=[priced])
    statistics.apply(keys=[key_of(priced)])
    client = log_in("merchandiser")
    client.post(f"{PATH}home/actions/stop/")

    (row,) = client.get(PATH).context["rows"]
    assert "2.50" in text(client, row["url"])
