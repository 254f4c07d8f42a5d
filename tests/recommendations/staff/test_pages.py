"""Staff see the shop's data and the recommender's answers, and change what their role allows."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.http import HttpResponse
from django.test import Client

from core import audit
from recommendations.entities import Item
from recommendations.models import JobRow
from recommendations.placements import Placement
from recommendations.rules import Rules
from recommendations.services import catalogue, events, placements, recommend, versions
from recommendations.storage import jobs as jobs_storage
from recommendations.storage import versions as versions_storage
from recommendations.storage.jobs import Job
from recommendations.storage.versions import ModelVersion
from users.backends import staff_user
from users.entities import Customer
from users.permissions import ROLES
from users.services import accounts, customers

pytestmark = pytest.mark.usefixtures("dynamodb")

PASSWORD = "correct horse battery"
LogIn = Callable[[str], Client]


def save_job(state: str, **fields: object) -> Job:
    job = Job(
        job_id=f"20261122T030000-{state}",
        name="train",
        state=state,
        started_by="ada",
        created_at="2026-11-22T03:00:00Z",
        **fields,
    )
    jobs_storage.save(job)
    return job


def text(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, url
    return answer.content.decode()


def test_nobody_sees_anything_without_a_login() -> None:
    for url in ("/admin/", "/admin/users/", "/admin/items/x/", "/admin/jobs/actions/train/"):
        answer = Client().get(url)
        assert answer.status_code == 302, url
        assert answer.headers["Location"].startswith("/admin/login/"), url


def test_pages_of_django_that_need_a_database_are_not_there(log_in: LogIn) -> None:
    client = log_in("administrator")
    for url in ("/admin/autocomplete/", "/admin/jsi18n/", "/admin/r/1/1/", "/admin/auth/user/"):
        assert client.get(url).status_code == 404, url


def rows(client: Client, url: str) -> HttpResponse:
    """Return what the browser asks for by itself, once the page has come."""
    return client.get(client.get(url).context["rows_url"])


def test_an_empty_site_says_what_to_do_next(log_in: LogIn) -> None:
    client = log_in("operator")

    assert "Getting started" in text(client, "/admin/")
    for url in ("users", "items", "models", "jobs"):
        assert 'class="hint"' in text(client, f"/admin/{url}/"), url
    assert 'class="hint"' in rows(client, "/admin/events/").content.decode()
    assert "/admin/models/actions/train/" in text(client, "/admin/models/")


@pytest.mark.usefixtures("shop")
def test_the_overview_shows_the_live_model_and_how_good_it_is(log_in: LogIn) -> None:
    page = text(log_in("viewer"), "/admin/")

    assert "1,234" in page
    assert "/admin/models/v2/" in page
    assert "recall@20 20 % (popular list 5.0 %)" in page
    assert "Train now" not in page, "a viewer cannot train"
    assert 'hx-get="/admin/overview/numbers/?measure=revenue&amp;days=28"' in page
    assert 'hx-get="/admin/overview/attention/"' in page
    assert 'data-values="1,2,3,4,5,6,7,8"' in page
    assert "from 25 Oct 2026 to 1 Nov 2026: between 1 and 8." in page


@pytest.mark.usefixtures("shop")
def test_a_user_page_shows_what_is_recommended_and_why(log_in: LogIn) -> None:
    client = log_in("viewer")
    page = text(client, "/admin/users/u_2F1/")

    assert "ada@example.com" in page
    assert 'hx-get="/admin/users/u_2F1/parts/recommendations/?show=personal"' in page
    assert 'hx-get="/admin/users/u_2F1/parts/history/"' in page
    assert "Lamp &lt;small&gt;" in text(client, "/admin/users/u_2F1/parts/history/")
    part = text(client, "/admin/users/u_2F1/parts/recommendations/")
    bulb, shade = part.index("/admin/items/bulb/"), part.index("/admin/items/shade/")
    assert bulb < shade, "best first"
    assert "bought" in part[bulb:shade]
    assert '<a href="/admin/items/lamp/">Lamp &lt;small&gt;</a>' in part[bulb:shade]
    assert "on 1 Nov 2026" in part
    assert "100 %" in part


@pytest.mark.usefixtures("shop")
def test_an_item_page_shows_what_goes_with_it_and_how_many_users_say_so(log_in: LogIn) -> None:
    client = log_in("viewer")

    assert "2.50 GBP" in text(client, "/admin/items/lamp/")
    part = text(client, "/admin/items/lamp/parts/similar/")
    assert part.index("Bulb") < part.index("Shade")
    assert '<td class="num">3</td>' in part


@pytest.mark.usefixtures("shop")
def test_items_are_found_by_words_and_filters_and_kept_in_links(log_in: LogIn) -> None:
    client = log_in("viewer")

    assert "Bulb" in text(client, "/admin/items/?q=bul")
    assert "Shade" not in text(client, "/admin/items/?q=bul")
    assert "No item matches" in text(client, "/admin/items/?q=nothing")
    assert "Bulb" in text(client, "/admin/items/?q=b&category=Light")
    assert "No item matches" in text(client, "/admin/items/?q=shade&category=Light")
    assert "Bulb" in text(client, "/admin/items/?category=Light")
    assert "Shade" not in text(client, "/admin/items/?category=Light")
    assert "No item matches" in text(client, "/admin/items/?available=no")
    assert "Shade" in text(client, "/admin/items/?available=perhaps"), "unknown choices are ignored"


def test_lists_page_on_and_back_and_survive_a_broken_link(log_in: LogIn) -> None:
    catalogue.ensure(item_ids=[f"i{number:03}" for number in range(60)])
    client = log_in("viewer")
    first = client.get("/admin/items/")
    second = client.get(first.context["pages"]["next_url"])
    third = client.get(second.context["pages"]["next_url"])

    assert "i024" in first.content.decode()
    assert "i025" in second.content.decode()
    assert "i059" in third.content.decode()
    assert "next_url" not in third.context["pages"]
    back = client.get(third.context["pages"]["previous_url"])
    assert [row["url"] for row in back.context["rows"]] == [
        row["url"] for row in second.context["rows"]
    ]
    start = client.get(back.context["pages"]["previous_url"])
    assert "i000" in start.content.decode()
    assert "previous_url" not in start.context["pages"]
    broken = client.get("/admin/items/?q=i0&cursor=broken", follow=True)
    assert broken.redirect_chain == [("/admin/items/?q=i0", 302)]
    assert "no longer works" in broken.content.decode()


@pytest.mark.usefixtures("shop")
def test_events_link_to_users_items_and_their_own_page(log_in: LogIn) -> None:
    client = log_in("viewer")
    page = rows(client, "/admin/events/")
    (row,) = page.context["rows"]

    assert "/admin/users/u_2F1/" in page.content.decode()
    detail = text(client, row["url"])
    assert "o-1" in detail
    assert "Lamp &lt;small&gt;" in detail
    assert "Lamp" in rows(client, "/admin/events/?user=u%2F1&type=purchase").content.decode()
    assert "No events match" in rows(client, "/admin/events/?type=view").content.decode()
    for wrong in (
        "x",
        "2026-11-01_23x_23u",
        "2026-11-01T00:00:00Z_23x_23u",
        "0001-01-01T00:00:00+14:00_23e_23u",
        "9999-12-31T23:59:59-14:00_23e_23u",
    ):
        text(client, f"/admin/events/{wrong}/", status=404)


@pytest.mark.usefixtures("shop")
def test_a_model_page_shows_quality_beside_the_popular_list(log_in: LogIn) -> None:
    page = text(log_in("viewer"), "/admin/models/v1/")

    assert "Recall@20" in page
    assert "This model" in page
    assert "Popular list" in page
    assert "20 %" in page
    assert "5.0 %" in page
    assert "Roll back" not in page, "a viewer cannot publish"


@pytest.mark.usefixtures("shop")
def test_an_operator_rolls_back_and_forward_and_it_is_written_down(log_in: LogIn) -> None:
    client = log_in("operator")

    assert "Roll back to this" in text(client, "/admin/models/v1/")
    assert "Go back to Model v1" in text(client, "/admin/models/v1/actions/roll-back/")
    assert versions.live() == "v2", "looking at the question changes nothing"
    answer = client.post("/admin/models/v1/actions/roll-back/", follow=True)
    assert versions.live() == "v1"
    assert "v1 is live now" in answer.content.decode()
    client.post("/admin/models/v2/actions/publish/")
    assert versions.live() == "v2"
    forward, back = audit.listing(limit=10).rows
    assert (back.by, back.action, back.target) == ("operator", "models.roll-back", "v1")
    assert (back.before, back.after) == ({"live": "v2"}, {"live": "v1", "state": "ready"})
    assert forward.action == "models.publish"


@pytest.mark.usefixtures("shop")
def test_what_is_no_longer_possible_says_so(log_in: LogIn) -> None:
    client = log_in("operator")

    answer = client.post("/admin/models/v2/actions/publish/", follow=True)

    assert "no longer possible" in answer.content.decode()
    assert not audit.listing(limit=1).rows


@pytest.mark.usefixtures("shop")
def test_a_merchandiser_hides_an_item_everywhere_and_shows_it_again(log_in: LogIn) -> None:
    client = log_in("merchandiser")

    client.post("/admin/items/bulb/actions/hide/")
    answer = recommend.serve(recommender="personal", user_id="u/1")
    assert [row.item_id for row in answer.results] == ["shade"]
    assert "Hidden" in text(client, "/admin/items/?q=bulb")

    client.post("/admin/items/bulb/actions/show/")
    answer = recommend.serve(recommender="personal", user_id="u/1")
    assert [row.item_id for row in answer.results] == ["bulb", "shade"]
    assert [entry.action for entry in audit.listing(limit=9).rows] == ["items.show", "items.hide"]


@pytest.mark.usefixtures("shop")
def test_a_user_is_edited_and_keeps_what_the_form_does_not_have(log_in: LogIn) -> None:
    customers.save(
        customers=[Customer(user_id="u/1", email="ada@example.com", attributes={"country": "UK"})]
    )
    url = "/admin/users/u_2F1/actions/edit/"
    client = log_in("operator")

    assert 'value="ada@example.com"' in text(client, url)
    wrong = client.post(url, {"name": "Ada", "email": "nonsense"})
    assert wrong.status_code == 400
    assert wrong.context["form"].errors.keys() == {"email"}
    client.post(url, {"name": "Ada", "email": "", "labels": "vip, new ,"})

    assert customers.find(user_id="u/1") == Customer(
        user_id="u/1", name="Ada", labels=("vip", "new"), attributes={"country": "UK"}
    )
    (entry,) = audit.listing(limit=9).rows
    assert entry.after == {"changed": ["email", "labels", "name"]}
    assert entry.before == {}, "what is personal must not outlive the user in the log"


@pytest.mark.usefixtures("shop")
def test_a_user_is_exported_as_a_file_and_it_is_written_down(log_in: LogIn) -> None:
    answer = log_in("viewer").post("/admin/users/u_2F1/actions/export/")

    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.json()["users"][0]["user_id"] == "u/1"
    assert answer.json()["events"][0]["event_id"] == "o-1"
    assert audit.listing(limit=9).rows[0].action == "users.export"


@pytest.mark.usefixtures("shop")
def test_a_user_is_erased_only_with_the_id_typed_and_gets_a_receipt(log_in: LogIn) -> None:
    client = log_in("operator")
    url = "/admin/users/u_2F1/actions/erase/"

    assert client.post(url, {"typed": "u1"}).status_code == 400
    assert customers.find(user_id="u/1") is not None
    receipt = client.post(url, {"typed": "u/1"}).content.decode()

    assert "Receipt" in receipt
    assert "Rows erased" in receipt
    assert customers.find(user_id="u/1") is None
    assert not events.history(actor="u/1", limit=1).rows
    (entry,) = audit.listing(limit=9).rows
    assert entry.after["erased"]["users"] == 1
    assert "ada@example.com" not in repr(entry), "the log holds nothing personal of the erased"


@pytest.mark.usefixtures("shop")
def test_several_items_are_hidden_at_once_after_a_question(log_in: LogIn) -> None:
    client = log_in("merchandiser")
    url = "/admin/items/actions/hide/rows/"

    assert f'formaction="{url}"' in text(client, "/admin/items/")
    question = text(client, f"{url}?key=bulb&key=lamp&key=unknown")
    assert "Bulb" in question
    assert "Shade" not in question
    answer = client.post(url, {"key": ["bulb", "lamp", "bulb", "unknown"]}, follow=True)

    assert "done for 2 items" in answer.content.decode()
    assert {item.item_id for item in catalogue.listing(available=False, limit=9).rows} == {
        "bulb", "lamp",
    }  # fmt: skip
    assert [entry.target for entry in audit.listing(limit=9).rows] == ["lamp", "bulb"]
    assert "tick some" in client.get(url, follow=True).content.decode()
    text(client, "/admin/items/actions/edit/rows/?key=bulb", status=404)
    viewer = log_in("viewer")
    assert viewer.post(url, {"key": ["shade"]}).status_code == 403
    assert "action-checkbox" not in text(viewer, "/admin/items/")


@pytest.mark.usefixtures("shop")
def test_items_are_pinned_buried_and_let_go_one_or_several(log_in: LogIn) -> None:
    client = log_in("merchandiser")
    for name in ("home", "basket"):
        placements.save(placement=Placement(name=name, recommender="popular"), by="ada")

    def rules(name: str = "home") -> Rules:
        return placements.find(name=name).placement.rules

    def act(action: str, item_id: str = "", **data: object) -> str:
        where = f"{item_id}/actions/{action}/" if item_id else f"actions/{action}/rows/"
        return client.post(f"/admin/items/{where}", data, follow=True).content.decode()

    assert "Bulb: pinned in home" in act("pin", "bulb", placement="home", position=2)
    assert "pinned to position 2" in text(client, "/admin/items/bulb/")
    assert rules("basket").pin == ()
    several = {"key": ["lamp", "shade"], "placement": "*"}
    assert "2 items: pinned in every placement" in act("pin", position=1, **several)
    assert [(pin.item_id, pin.position) for pin in rules().pin] == [
        ("bulb", 2), ("lamp", 1), ("shade", 3),
    ]  # fmt: skip
    assert "Bulb: buried" in act("bury", "bulb", placement="home")
    assert [pin.item_id for pin in rules().pin] == ["lamp", "shade"]
    assert [rule.values for rule in rules().bury] == [("bulb",)]
    newest = audit.listing(limit=1).rows[0]
    assert (newest.action, newest.target) == ("items.bury", "bulb")
    assert (newest.before, newest.after) == ({"home": "pinned to position 2"}, {"home": "buried"})
    act("let-go", "bulb", placement="home")
    act("let-go", **several)
    assert rules() == rules("basket") == Rules()
    assert "say so already" in act("let-go", "bulb", placement="*")
    assert "Select a valid choice" in act("pin", key="bulb", placement="nowhere", position=1)
    assert "free places" in act("pin", position=100, **several)


def test_an_item_is_added_and_edited_with_errors_beside_the_fields(log_in: LogIn) -> None:
    client = log_in("merchandiser")
    fields = {"item_id": "lamp", "name": "Lamp", "price": "2.50", "currency": "GBP"}

    wrong = client.post("/admin/items/actions/add/", {**fields, "item_id": "a#b", "price": "a lot"})
    assert wrong.status_code == 400
    assert wrong.context["form"].errors
    client.post("/admin/items/actions/add/", fields)
    again = client.post("/admin/items/actions/add/", {**fields, "name": "Other"})
    assert again.context["form"].errors.keys() == {"item_id"}

    url = "/admin/items/lamp/actions/edit/"
    bad_price = client.post(url, {**fields, "price": "a lot"})
    assert bad_price.context["form"].errors.keys() == {"price"}
    client.post(url, {**fields, "price": "3", "categories": "Light, Home"})

    assert catalogue.find(item_id="lamp") == Item(
        item_id="lamp",
        name="Lamp",
        price=Decimal(3),
        currency="GBP",
        categories=("Light", "Home"),
    )
    edit, add = audit.listing(limit=9).rows
    assert (add.action, add.target) == ("items.add", "lamp")
    assert edit.before == {"price": "2.50", "categories": []}


ACTIONS = {
    "/admin/items/actions/add/": "catalog:write",
    "/admin/items/lamp/actions/edit/": "catalog:write",
    "/admin/users/u_2F1/actions/edit/": "users:write",
    "/admin/users/u_2F1/actions/erase/": "users:write",
    "/admin/items/lamp/actions/hide/": "catalog:write",
    "/admin/models/v1/actions/roll-back/": "jobs:run",
    "/admin/models/actions/train/": "jobs:run",
    "/admin/jobs/actions/train/": "jobs:run",
}
ALLOWED = {
    "users:write": {"operator", "administrator"},
    "catalog:write": {"merchandiser", "operator", "administrator"},
    "jobs:run": {"operator", "administrator"},
}


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_offered_and_may_do_only_what_it_may(role: str, log_in: LogIn) -> None:
    client = log_in(role)
    for url, permission in ACTIONS.items():
        allowed = role in ALLOWED[permission]
        assert client.get(url).status_code == (200 if allowed else 403), url
        if not allowed:
            refused = client.post(url)
            assert refused.status_code == 403, url
            assert permission in refused.content.decode()
    offered = {
        url
        for url in ACTIONS
        for page in (
            "/admin/items/",
            "/admin/items/lamp/",
            "/admin/users/u_2F1/",
            "/admin/models/v1/",
            "/admin/models/",
            "/admin/jobs/",
        )
        if url in text(client, page)
    }
    assert offered == {url for url, needed in ACTIONS.items() if role in ALLOWED[needed]}
    assert client.get("/admin/audit/").status_code == (200 if role == "administrator" else 403)
    assert ("/admin/audit/" in text(client, "/admin/")) == (role == "administrator")


@pytest.mark.usefixtures("shop")
def test_an_action_needs_a_post_from_our_own_page(log_in: LogIn) -> None:
    account = accounts.create(username="eve", password=PASSWORD, role="operator")
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff_user(account))

    assert client.post("/admin/models/v1/actions/roll-back/").status_code == 403
    assert versions.live() == "v2"


def test_training_starts_a_job_and_leads_to_it(
    log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommendations.services.jobs._spawn", lambda **_: None)
    client = log_in("operator")

    answer = client.post("/admin/jobs/actions/train/", follow=True)

    (row,) = JobRow.query(JobRow.PK)
    assert answer.redirect_chain == [(f"/admin/jobs/{row.sk}/", 302)]
    assert "hx-get" in answer.content.decode()
    assert row.started_by == "operator"
    assert audit.listing(limit=1).rows[0].target == row.sk
    over = save_job("failed", error="no memory", finished_at="2026-11-22T03:10:00Z")
    client.post(f"/admin/jobs/{over.job_id}/actions/retry/")
    assert len(list(JobRow.query(JobRow.PK))) == 3


def test_a_job_is_followed_while_it_runs_and_ends_with_its_result_or_its_error(
    log_in: LogIn,
) -> None:
    client = log_in("viewer")
    now = datetime.now(UTC).isoformat()
    running = save_job("running", step="fitting", progress=0.4, heartbeat_at=now)
    failed = save_job("failed", error="there are no purchases <yet>", finished_at=now)
    done = save_job("succeeded", finished_at=now, progress=1.0, result={"version": "v9"})

    part = text(client, f"/admin/jobs/{running.job_id}/parts/progress/")
    assert 'value="40"' in part
    assert "every 1s" in part
    part = text(client, f"/admin/jobs/{failed.job_id}/parts/progress/")
    assert "there are no purchases &lt;yet&gt;" in part
    assert "every 1s" not in part
    assert "/admin/models/v9/" in text(client, f"/admin/jobs/{done.job_id}/")


def test_a_model_that_was_not_published_says_why(log_in: LogIn) -> None:
    reason = "ndcg@20 0.1 against 0.2 of the live model"
    versions_storage.save(
        ModelVersion(
            version="v1",
            created_at="2026-11-01T00:00:00Z",
            state="rejected",
            data={"decision": {"publish": False, "reasons": [reason]}},
        )
    )
    result = {"version": "v1", "published": False, "reasons": [reason]}
    job = save_job("succeeded", result=result, finished_at="2026-11-22T03:10:00Z")
    client = log_in("operator")

    assert reason in text(client, f"/admin/jobs/{job.job_id}/")
    page = text(client, "/admin/models/v1/")
    assert "Why it was not published" in page
    assert reason.removeprefix("n") in page
    assert "/admin/models/v1/actions/publish/" in page, "a person may know better"


def test_a_job_that_fell_silent_says_so(log_in: LogIn) -> None:
    job = save_job("running", heartbeat_at="2026-01-01T00:00:00Z")

    page = text(log_in("viewer"), f"/admin/jobs/{job.job_id}/")
    assert "stopped without a word; start it again" in page


@pytest.mark.usefixtures("shop")
def test_what_is_not_there_says_so_and_leads_on(log_in: LogIn) -> None:
    client = log_in("administrator")
    for url in (
        "/admin/users/nobody/",
        "/admin/items/nothing/",
        "/admin/items/" + "x" * 3000 + "/",
        "/admin/items/lamp/parts/nothing/",
        "/admin/items/lamp/actions/nothing/",
        "/admin/items/nothing/actions/hide/",
        "/admin/models/v9/",
        "/admin/jobs/none/",
        "/admin/audit/none/",
    ):
        page = text(client, url, status=404)
        assert "Not found" in page, url


@pytest.mark.usefixtures("shop")
def test_the_explorer_shows_each_recommender_side_by_side(log_in: LogIn) -> None:
    client = log_in("viewer")

    assert "hx-get" not in text(client, "/admin/explorer/")
    page = client.get("/admin/explorer/?kind=basket&ids=lamp,+unknown")
    urls = [panel.context["url"] for panel in page.context["panels"]]
    names = [url.rpartition("=")[2] for url in urls]
    assert names == ["session", "trending", "popular", "latest"]
    basket, _, popular, _ = (text(client, url) for url in urls)
    assert basket.index("Bulb") < basket.index("goes with")
    assert "Shade" in popular
    user = text(client, "/admin/explorer/?kind=user&ids=u/1&part=personal")
    assert "bought" in user
    assert "Bulb" in text(client, "/admin/explorer/?kind=item&ids=lamp&part=similar")


@pytest.mark.usefixtures("shop")
def test_the_explorer_explains_what_it_cannot_answer(log_in: LogIn) -> None:
    client = log_in("viewer")

    assert "This field is required" in text(client, "/admin/explorer/?kind=user&ids=")
    assert "Select a valid choice" in text(client, "/admin/explorer/?kind=x&ids=1")
    assert "at least one id" in text(client, "/admin/explorer/?kind=basket&ids=,&part=session")
    text(client, "/admin/explorer/?kind=user&ids=1&part=nothing", status=404)


def test_a_list_downloads_as_csv_with_its_filters(log_in: LogIn) -> None:
    catalogue.save(
        items=[
            Item(item_id=f"i{number:03}", name=f"Thing {number}", available=number != 7)
            for number in range(120)
        ]
    )
    catalogue.save(items=[Item(item_id="=1+1", name='Said "yes", <twice>')])
    client = log_in("viewer")

    answer = client.get("/admin/items/?available=yes&format=csv")

    assert answer.headers["Content-Disposition"] == 'attachment; filename="items.csv"'
    rows = list(csv.reader(answer.content.decode("utf-8-sig").splitlines()))
    assert rows[0] == ["Item", "Name", "Price", "Categories", "Labels"]
    assert rows[1] == ["'=1+1", 'Said "yes", <twice>', "", "", ""], "no formula, no HTML"
    assert [row[0] for row in rows[2:]] == [f"i{n:03}" for n in range(120) if n != 7]
