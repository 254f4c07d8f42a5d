"""What must hold on the whole staff site: every page, part, list and form that is registered."""

import re
from collections.abc import Iterator, Sequence

import pytest
from django.test import Client

from core import audit
from core.staff.links import action_url, bulk_url, detail_url, list_url, part_url
from core.staff.resource import Action, Query, Resource
from project.staff import site
from tests.staff_shop import RESOURCES, TOOLS, Visit, client_of, fill, walk
from users.permissions import MANAGE_ACCOUNTS, MANAGE_KEYS, ROLE_PERMISSIONS, ROLES, Role

# "Under five", of which one is who asks.
MOST_ROUND_TRIPS = 4
# Lists that are computed anew, with reasons, and what compares two models.
DEARER = {"users_part": 9, "placements_detail": 12, "models-compared": 6, "model-report": 60}
TWO_LISTS = 10
EACH_RESOURCE = pytest.mark.parametrize("resource", RESOURCES, ids=lambda entry: entry.name)
FORBIDDEN_HTML = re.compile(r"<style|\sstyle=|<script>|\son[a-z]+=", re.IGNORECASE)

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture(scope="module")
def shop(dynamodb_of_the_module: None) -> None:
    fill()


@pytest.fixture(scope="module")
def visits(shop: None) -> Sequence[Visit]:
    return list(walk(client_of("administrator")))


def a_key(resource: Resource) -> str | None:
    """Return what identifies some row of a resource; None where there is none."""
    rows = resource.page(Query(search="", filters={}, limit=1)).rows
    return resource.key(rows[0]) if rows else None


def actions(resource: Resource) -> Iterator[tuple[Action, str]]:
    """Yield a resource's actions, with their addresses."""
    key = a_key(resource)
    for action in resource.actions:
        if not action.on_row:
            yield action, action_url(resource.name, action.name)
        elif key is not None:
            yield action, action_url(resource.name, action.name, key)
        if action.bulk:
            yield action, bulk_url(resource.name, action.name)


def test_links_lead_to_every_page_and_none_leads_nowhere(visits: Sequence[Visit]) -> None:
    broken = {visit.url: visit.answer.status_code for visit in visits}
    assert {url: status for url, status in broken.items() if status != 200} == {}
    reached = {visit.name for visit in visits}
    wanted = {f"{resource.name}_list" for resource in RESOURCES} | {tool.name for tool in TOOLS}
    wanted |= {
        f"{resource.name}_detail"
        for resource in RESOURCES
        if resource.has_detail and a_key(resource) is not None
    }
    assert wanted <= reached


def test_every_page_and_part_stays_under_five_round_trips(visits: Sequence[Visit]) -> None:
    spent = {
        visit.url: trips
        for visit in visits
        if "format=" not in visit.url
        and (trips := int(visit.answer["X-DynamoDB-Round-Trips"]))
        > DEARER.get(visit.name, TWO_LISTS if "beside=" in visit.url else MOST_ROUND_TRIPS)
    }
    assert spent == {}


def test_pages_hold_no_inline_script_or_style(visits: Sequence[Visit]) -> None:
    for visit in visits:
        policy = visit.answer["Content-Security-Policy"]
        assert "unsafe" not in policy, visit.url
        if visit.answer["Content-Type"].startswith("text/html"):
            assert FORBIDDEN_HTML.findall(visit.text) == [], visit.url


@EACH_RESOURCE
def test_every_list_can_be_narrowed_and_downloaded_and_says_what_to_do_when_empty(
    resource: Resource,
) -> None:
    client = client_of("administrator")
    assert resource.search or resource.filters, "it can neither be searched nor filtered"

    page = client.get(list_url(resource.name)).content.decode()
    file = client.get(list_url(resource.name, format="csv"))

    assert ('role="search"' in page) == (resource.search is not None)
    for item in resource.filters:
        assert item.title in page
    assert file["Content-Disposition"].startswith(f'attachment; filename="{resource.name}')
    assert file.content.decode("utf-8-sig").startswith(
        tuple(f"{quote}{resource.columns[0].label}" for quote in ("", '"'))
    )
    for query in (
        Query(search="", filters={}, limit=1),
        Query(search="x", filters={"x": "x"}, limit=1),
    ):
        hint = resource.empty(query)
        assert len(hint.text.split()) > 4, "it says what is (not) here, and what to do"


@EACH_RESOURCE
def test_every_list_turns_over_and_back_to_the_same_page(
    resource: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(resource), "page_size", 1)
    client = client_of("administrator")

    def rows(url: str) -> tuple[list[str], dict[str, str]]:
        answer = client.get(url)
        if "rows_url" in answer.context:
            answer = client.get(answer.context["rows_url"])
        return [row["key"] for row in answer.context["rows"]], answer.context["pages"]

    first, pages = rows(list_url(resource.name))
    if "next_url" not in pages:
        assert len(first) <= 1
        return
    second, after = rows(pages["next_url"])
    back, _ = rows(after["previous_url"])

    assert second != first
    assert back == first
    assert rows(pages["next_url"])[0] == second, "an address can be shared"


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_and_does_what_it_may_and_nothing_else(role: Role) -> None:
    client = client_of(role)
    may = ROLE_PERMISSIONS[role]
    before = audit.listing(limit=100).rows
    front = client.get("/admin/").content.decode()
    for resource in RESOURCES:
        key = a_key(resource)
        url = list_url(resource.name)
        urls = [url, f"{url}?format=csv"]
        if key is not None and resource.has_detail:
            urls.append(detail_url(resource.name, key))
            urls += [part_url(resource.name, key, part.name) for part in resource.parts]
        wanted = 200 if resource.permission in may else 403
        assert {url: client.get(url).status_code for url in urls} == dict.fromkeys(urls, wanted)
        assert (f'href="{url}"' in front) == (wanted == 200)
        for action, url in actions(resource):
            if action.permission not in may:
                assert client.get(url).status_code == 403, url
                assert client.post(url, {"key": key or ""}).status_code == 403, url
            elif "/rows/" not in url:
                assert client.get(url).status_code in {200, 302}, url
    for tool in TOOLS:
        url = f"/admin/{tool.name}/"
        wanted = {200, 302} if tool.view.permission in may else {403}
        assert client.get(url).status_code in wanted, url
        if wanted == {403}:
            assert client.post(url, {}).status_code == 403, url
        assert f'href="{url}"' in front or tool.view.permission not in may
    assert audit.listing(limit=100).rows == before, "what was refused changed nothing"


def test_what_changes_something_needs_more_than_to_look() -> None:
    for resource in RESOURCES:
        for action in resource.actions:
            assert action.permission != resource.permission or action.permission in {
                MANAGE_ACCOUNTS,
                MANAGE_KEYS,
                # An export changes nothing, but is asked for and written down.
                "users:read",
            }, (resource.name, action.name)


def test_only_administrators_see_accounts_keys_and_the_audit_log() -> None:
    for name in ("accounts", "keys", "audit"):
        (resource,) = (each for each in RESOURCES if each.name == name)
        assert [role for role in ROLES if resource.permission in ROLE_PERMISSIONS[role]] == [
            "administrator"
        ]


@EACH_RESOURCE
def test_every_form_asks_first_says_what_is_wrong_beside_the_field_and_needs_our_page(
    resource: Resource,
) -> None:
    client, stranger = client_of("administrator"), client_of("administrator", csrf=True)
    for action, url in actions(resource):
        if "/rows/" in url:
            continue
        question = client.get(url)
        if question.status_code == 302:
            continue  # It makes no sense for this row, and says so.
        page = question.content.decode()
        assert 'class="question"' in page, url
        assert "csrfmiddlewaretoken" in page, url
        assert stranger.post(url, {}).status_code == 403, url
        form = question.context["form"]
        if form is not None and any(field.required for field in form.fields.values()):
            refused = client.post(url, {})
            assert refused.status_code == 400, url
            assert 'class="errorlist"' in refused.content.decode(), url
        if action.danger:
            assert "danger" in page, url


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_every_page_of_its_own_takes_a_form_only_from_our_page(tool: object) -> None:
    stranger = client_of("administrator", csrf=True)

    assert stranger.post(f"/admin/{tool.name}/", {}).status_code == 403


def test_nobody_is_let_in_without_a_login() -> None:
    for url in site.get_urls():
        if url.name in {"login", "logout", None}:
            continue
        path = str(url.pattern).replace("<path:url>", "x").replace("^", "").replace("$", "")
        path = re.sub(r"<(?:str|slug|int):\w+>", "x", path)
        path = path.replace("(?P<app_label>users)/", "users/").replace("(?P<url>.*)", "x/")
        answer = Client().get(f"/admin/{path}")
        assert (answer.status_code, answer.get("Location", "").split("?")[0]) == (
            302,
            "/admin/login/",
        ), path
