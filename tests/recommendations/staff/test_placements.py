"""Staff write placements with a form, look at what they would show, and go back."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest
from django.test import Client

from core import audit
from recommendations.entities import Item
from recommendations.placements import Experiment, Placement, PlacementFilters, Variant
from recommendations.rules import Boost, Bury, Cap, Pin, Rules, Terms
from recommendations.services import catalogue, placements
from recommendations.staff.placement_forms import PlacementForm
from tests.recommendations.factories import store_model
from users.backends import staff_user
from users.services import accounts

EDITOR = "/admin/placement-editor/"
RICH = Placement(
    name="home",
    recommender="personal",
    description="Front page",
    fallbacks=("latest", "popular"),
    limit=7,
    exclude_purchased=False,
    filters=PlacementFilters(
        categories=Terms(any_of=("Tea", "Coffee, black")),
        labels=Terms(all_of=("a",), none_of=('the "old"',)),
        price_min=Decimal("1.50"),
        exclude=["p9", "p1"],
    ),
    rules=Rules(
        boost=(Boost(by="attribute", attribute="brand", values=("A", "B"), factor=2.5),),
        bury=(Bury(by="label", values=("old",)), Bury(by="item", values=("p5",))),
        pin=(Pin(item_id="p2", position=3),),
        cap=(Cap(by="category", most=2),),
    ),
    experiment=Experiment(
        name="e1",
        variants=(
            Variant(name="a", weight=2),
            Variant(name="b", recommender="latest", rules=Rules(), fallbacks=()),
        ),
    ),
)
LogIn = Callable[[str], Client]


@pytest.fixture
def log_in(dynamodb: None) -> LogIn:
    def as_role(role: str) -> Client:
        client = Client()
        account = accounts.create(username=role, password="correct horse battery", role=role)
        client.force_login(staff_user(account))
        return client

    return as_role


def posted(form: PlacementForm, **changes: str) -> dict[str, str]:
    """Return what a browser sends of a form as it stands, but for these changes."""
    sent = {}
    for part in (form, *(each for rows in form.rows.values() for each in rows)):
        for field in part:
            value = field.field.prepare_value(field.value()) if field.value() is not None else ""
            if value is not False:
                sent[field.html_name] = "on" if value is True else str(value)
    for rows in form.rows.values():
        sent |= {field.html_name: str(field.value()) for field in rows.management_form}
    return {**sent, **changes}


def filled(stored: Placement | None = None, **changes: str) -> PlacementForm:
    return PlacementForm(posted(PlacementForm(stored=stored), **changes), stored=stored)


def test_a_form_that_nobody_touched_is_the_same_placement() -> None:
    form = filled(RICH)
    assert form.is_valid(), form.errors
    assert form.placement == RICH
    assert msgspec.json.decode(PlacementForm(stored=RICH)["json"].value(), type=Placement) == RICH


def test_rows_are_added_changed_and_emptied() -> None:
    form = filled(
        RICH,
        **{
            "boost-0-factor": "0.5",
            "boost-1-by": "label",
            "boost-1-values": 'new, "fresh, today"',
            "boost-1-factor": "3",
            "bury-0-values": "",
            "experiment": "",
            "variants-0-name": "",
            "variants-1-name": "",
            "variants-1-recommender": "",
        },
    )
    assert form.is_valid(), form.errors
    assert form.placement is not None
    assert [rule.factor for rule in form.placement.rules.boost] == [0.5, 3]
    assert form.placement.rules.boost[1].values == ("new", "fresh, today")
    assert form.placement.rules.bury == RICH.rules.bury[1:]
    assert form.placement.experiment is None


def test_a_mistake_is_shown_beside_what_is_wrong() -> None:
    form = filled(RICH, **{"bury-0-values": "", "bury-2-by": "attribute", "bury-2-values": "x"})
    assert not form.is_valid()
    assert "attribute" in str(form.rows["bury"].forms[2].non_field_errors())
    form = filled(RICH, **{"boost-0-factor": "1000"})
    assert not form.is_valid()
    assert "factor" in form.rows["boost"].forms[0].errors
    for field, value in (("limit", "0"), ("price_max", "x"), ("categories_any", "a" * 101)):
        form = filled(RICH, **{field: value})
        assert not form.is_valid()
        assert field in form.errors, field
    form = filled(None, name="Home", recommender="popular", limit="5", version="0")
    assert not form.is_valid()
    assert "name" in form.errors


def test_the_whole_may_be_written_as_json() -> None:
    body = '{"recommender": "latest", "limit": 3}'
    form = filled(RICH, json=body, use_json="on")
    assert form.is_valid()
    assert form.placement == Placement(name="home", recommender="latest", limit=3)
    for wrong, text in (("{", "not JSON"), ('{"recommender": 1}', "recommender: ")):
        form = filled(RICH, json=wrong, use_json="on")
        assert not form.is_valid()
        assert text in form.errors["json"][0]


@pytest.mark.usefixtures("dynamodb")
def test_a_placement_is_written_changed_brought_back_and_deleted(log_in: LogIn) -> None:
    client = log_in("merchandiser")
    assert "Add the first placement" in client.get("/admin/placements/").content.decode()
    new = posted(PlacementForm(), name="home", description="Front page")
    assert client.post(EDITOR, new).headers["Location"] == "/admin/placements/home/"
    stored = placements.find(name="home")
    assert stored is not None
    assert stored.placement == Placement(
        name="home", recommender="personal", description="Front page"
    )

    editor = f"{EDITOR}?name=home"
    change = {"boost-0-by": "category", "boost-0-values": "Tea", "boost-0-factor": "2"}
    edit = posted(PlacementForm(stored=stored.placement, version=1), **change)
    assert client.post(editor, edit).status_code == 302
    late = client.post(editor, edit)
    assert late.status_code == 409
    assert "somebody else has changed this placement" in late.content.decode()

    page = client.get("/admin/placements/home/?compared=1").content.decode()
    assert "Boost category Tea: × 2" in page
    assert "Version 1 and now" in page
    actions = "/admin/placements/home/actions"
    assert client.post(f"{actions}/revert/", {"version": "1"}).status_code == 302
    assert placements.find(name="home").placement == stored.placement
    assert client.post(f"{actions}/delete/").status_code == 302
    assert placements.find(name="home") is None
    done = [row.action for row in audit.listing(limit=9).rows]
    assert done == [f"placements.{what}" for what in ("delete", "revert", "save", "save")]


@pytest.mark.usefixtures("dynamodb")
def test_the_preview_says_which_rule_did_what_and_saves_nothing(log_in: LogIn) -> None:
    store_model("v1", {}, popular=["cup", "pot", "lamp", "rug"])
    catalogue.save(
        items=[
            Item(item_id=name, name=name.title(), labels=("new",) if name == "lamp" else ())
            for name in ("cup", "pot", "lamp", "rug")
        ]
    )
    change = {
        "name": "home",
        "recommender": "popular",
        "limit": "2",
        "exclude": "rug",
        "boost-0-by": "label",
        "boost-0-values": "new",
        "boost-0-factor": "9",
        "bury-0-by": "item",
        "bury-0-values": "pot",
        "preview": "1",
    }
    client = log_in("merchandiser")
    page = client.post(EDITOR, posted(PlacementForm(), **change)).content.decode()
    for sentence in ("Boost label new: × 9", "Bury item pot", "▼ 1", "Left out"):
        assert sentence in page, sentence
    assert placements.find(name="home") is None
    wrong = client.post(EDITOR, posted(PlacementForm(), **{**change, "limit": "0"}))
    assert "Please correct" in wrong.content.decode()


@pytest.mark.usefixtures("dynamodb")
def test_a_viewer_looks_and_does_not_touch(log_in: LogIn) -> None:
    placements.save(placement=RICH, by="ada")
    client = log_in("viewer")
    page = client.get("/admin/placements/home/?user_id=u1&item_ids=a,b&variant=b")
    assert page.status_code == 200
    assert "variant b" in page.content.decode()
    assert EDITOR not in page.content.decode()
    assert client.get(f"{EDITOR}?name=home").status_code == 403
    assert client.post(f"{EDITOR}?name=home", {}).status_code == 403
    assert client.post("/admin/placements/home/actions/delete/").status_code == 403
    assert log_in("merchandiser").get(f"{EDITOR}?name=none").status_code == 404
