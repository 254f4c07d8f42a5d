"""Administrators manage accounts and API keys on the staff site."""

import re

import pytest
from django.test import Client

from core import audit
from users.backends import staff_user
from users.entities import StaffAccount
from users.services import accounts, keys

pytestmark = pytest.mark.usefixtures("dynamodb")

PASSWORD = "correct horse battery"
SECRET = re.compile(r'readonly value="(?P<secret>[^"]+)"')


@pytest.fixture
def boss(dynamodb: None) -> Client:
    client = Client()
    account = accounts.create(username="boss", password=PASSWORD, role="administrator")
    client.force_login(staff_user(account))
    return client


@pytest.fixture
def ada(dynamodb: None) -> StaffAccount:
    return accounts.create(username="ada", password=PASSWORD, role="viewer")


def shown_secret(answer: object) -> str:
    found = SECRET.search(answer.content.decode())
    assert found, answer.content.decode()
    return found["secret"]


def can_log_in(username: str, password: str) -> bool:
    answer = Client().post("/admin/login/", {"username": username, "password": password})
    return answer.status_code == 302


def test_an_added_account_gets_a_first_password_that_is_shown_once(boss: Client) -> None:
    answer = boss.post("/admin/accounts/actions/add/", {"username": "eve", "role": "operator"})
    password = shown_secret(answer)

    assert can_log_in("eve", password)
    assert password not in boss.get("/admin/accounts/").content.decode()
    (entry,) = audit.listing(limit=9).rows
    assert (entry.by, entry.action, entry.target) == ("boss", "accounts.add", "eve")
    assert entry.after == {"role": "operator"}, "and no password"


def test_what_is_wrong_with_an_account_is_said_beside_the_field(
    boss: Client, ada: StaffAccount
) -> None:
    url = "/admin/accounts/actions/add/"
    bad_name = boss.post(url, {"username": "no spaces", "role": "viewer"})
    taken = boss.post(url, {"username": "ADA", "role": "viewer"})
    bad_role = boss.post(url, {"username": "eve", "role": "king"})

    assert bad_name.status_code == 400
    assert bad_name.context["form"].errors.keys() == {"username"}
    assert taken.status_code == 409
    assert "is taken" in taken.content.decode()
    assert bad_role.context["form"].errors.keys() == {"role"}
    assert audit.listing(limit=1).rows == ()


def test_a_role_changes_from_the_next_click_on(boss: Client, ada: StaffAccount) -> None:
    boss.post(f"/admin/accounts/{ada.account_id}/actions/role/", {"role": "operator"})

    assert accounts.find(account_id=ada.account_id).role == "operator"
    (entry,) = audit.listing(limit=9).rows
    assert (entry.before, entry.after) == ({"role": "viewer"}, {"role": "operator"})


def test_a_deactivated_account_is_out_at_once_and_can_come_back(
    boss: Client, ada: StaffAccount
) -> None:
    boss.post(f"/admin/accounts/{ada.account_id}/actions/deactivate/")
    assert not can_log_in("ada", PASSWORD)
    boss.post(f"/admin/accounts/{ada.account_id}/actions/activate/")
    assert can_log_in("ada", PASSWORD)


def test_a_new_password_ends_the_old_one(boss: Client, ada: StaffAccount) -> None:
    answer = boss.post(f"/admin/accounts/{ada.account_id}/actions/reset-password/")

    assert not can_log_in("ada", PASSWORD)
    assert can_log_in("ada", shown_secret(answer))


@pytest.mark.parametrize("action", ["deactivate", "role"])
def test_nobody_locks_themselves_out(boss: Client, action: str) -> None:
    own = accounts.find_by_username(username="boss")
    answer = boss.post(f"/admin/accounts/{own.account_id}/actions/{action}/", {"role": "viewer"})

    assert answer.status_code == 409
    assert "your own account" in answer.content.decode()
    assert accounts.find(account_id=own.account_id).role == "administrator"


def test_a_key_is_shown_once_works_and_can_be_renewed_and_revoked(boss: Client) -> None:
    made = boss.post(
        "/admin/keys/actions/create/", {"name": "Shop", "scopes": ["events:write", "users:read"]}
    )
    text = shown_secret(made)
    key = keys.verify(text)
    assert key is not None
    assert key.scopes == {"events:write", "users:read"}
    page = boss.get(f"/admin/keys/{key.prefix}/").content.decode()
    assert text not in page
    assert "boss" in page

    used = boss.get("/admin/keys/?state=in-use&scope=events:write").content.decode()
    assert "just now" in used, "it has been used"

    rotate = f"/admin/keys/{key.prefix}/actions/rotate/"
    second = shown_secret(boss.post(rotate, {"grace": "24"}))
    assert keys.verify(text) is not None
    assert "Old secret works until" in boss.get(f"/admin/keys/{key.prefix}/").content.decode()
    renewed = shown_secret(boss.post(rotate, {"grace": "0"}))
    assert keys.verify(text) is keys.verify(second) is None
    assert keys.verify(renewed) is not None
    boss.post(f"/admin/keys/{key.prefix}/actions/revoke/")
    assert keys.verify(renewed) is None
    again = boss.post(f"/admin/keys/{key.prefix}/actions/rotate/", follow=True)
    assert "no longer possible" in again.content.decode()
    log = repr(audit.listing(limit=9).rows)
    assert text not in log
    assert renewed not in log
    assert [entry.action for entry in audit.listing(limit=9).rows] == [
        "keys.revoke", "keys.rotate", "keys.rotate", "keys.create",
    ]  # fmt: skip


def test_a_key_needs_a_name_and_a_scope(boss: Client) -> None:
    answer = boss.post("/admin/keys/actions/create/", {"name": ""})

    assert answer.status_code == 400
    assert answer.context["form"].errors.keys() == {"name", "scopes"}


def test_only_administrators_manage_accounts_and_keys(ada: StaffAccount) -> None:
    for role in ("viewer", "merchandiser", "operator"):
        accounts.set_role(account_id=ada.account_id, role=role)
        client = Client()
        client.force_login(staff_user(accounts.find(account_id=ada.account_id)))
        for url in ("/admin/accounts/", "/admin/keys/", "/admin/keys/actions/create/"):
            assert client.get(url).status_code == 403, (role, url)
            assert url not in client.get("/admin/").content.decode()
