"""Staff log in through Django's own forms, with accounts and sessions in DynamoDB."""

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from core.dynamodb.meter import metered
from core.sessions import SessionRow, SessionStore
from users.backends import StaffBackend, staff_user
from users.entities import StaffAccount
from users.models import AccountRow, LoginAttemptsRow
from users.services import accounts

pytestmark = [pytest.mark.usefixtures("dynamodb"), pytest.mark.urls(__name__)]

PASSWORD = "correct horse battery"
site = AdminSite()


def whoami(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.user))


urlpatterns = [path("admin/", site.urls), path("whoami/", whoami)]


@pytest.fixture
def account(dynamodb: None) -> StaffAccount:
    return accounts.create(username="Ada", password=PASSWORD, role="operator")


def log_in(client: Client, password: str = PASSWORD, username: str = "ada") -> HttpResponse:
    return client.post("/admin/login/", {"username": username, "password": password})


def test_login_and_logout(account: StaffAccount) -> None:
    client = Client()

    assert log_in(client).status_code == 302
    assert client.get("/whoami/").content == b"Ada"
    stolen = client.cookies["sessionid"].value
    client.post("/admin/logout/")

    assert client.get("/whoami/").content == b"AnonymousUser"
    client.cookies["sessionid"] = stolen
    assert client.get("/whoami/").content == b"AnonymousUser"


def test_wrong_password_and_unknown_user_get_the_same_answer(account: StaffAccount) -> None:
    wrong = log_in(Client(), "wrong password")
    unknown = log_in(Client(), "wrong password", username="nobody")

    assert wrong.context["form"].errors == unknown.context["form"].errors
    assert wrong.context["form"].errors


def test_changing_the_password_ends_other_sessions(account: StaffAccount) -> None:
    here, elsewhere = Client(), Client()
    log_in(here)
    log_in(elsewhere)

    answer = here.post(
        "/admin/password_change/",
        {
            "old_password": PASSWORD,
            "new_password1": "another good password",
            "new_password2": "another good password",
        },
    )

    assert answer.status_code == 302
    assert here.get("/whoami/").content == b"Ada"
    assert elsewhere.get("/whoami/").content == b"AnonymousUser"
    assert log_in(Client()).status_code == 200
    assert log_in(Client(), "another good password").status_code == 302


def test_deactivating_an_account_ends_its_sessions(account: StaffAccount) -> None:
    client = Client()
    log_in(client)

    accounts.set_active(account_id=account.account_id, active=False)

    assert client.get("/whoami/").content == b"AnonymousUser"
    assert log_in(Client()).status_code == 200


def test_guessing_is_locked_out_even_with_the_right_password(
    account: StaffAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000_000_000.0
    monkeypatch.setattr("users.services.accounts.time.time", lambda: now)
    for _ in range(accounts.MAX_ATTEMPTS):
        assert log_in(Client(), "wrong password").status_code == 200

    locked = log_in(Client())
    assert locked.status_code == 200
    assert "correct username and password" in locked.content.decode()

    monkeypatch.setattr("users.services.accounts.time.time", lambda: now + accounts.WINDOW_SECONDS)
    assert log_in(Client()).status_code == 302


def test_a_successful_login_forgets_earlier_failures(account: StaffAccount) -> None:
    for _ in range(2):
        for _ in range(accounts.MAX_ATTEMPTS - 1):
            accounts.may_try_login(username="ada")
        assert StaffBackend().authenticate(None, username="ada", password=PASSWORD) is not None


def test_attempt_counters_expire_and_hold_no_username(account: StaffAccount) -> None:
    accounts.may_try_login(username="Ada")

    (row,) = LoginAttemptsRow.scan()

    assert row.expires_at is not None
    assert "ada" not in row.pk.lower().removeprefix("login#")


def test_force_login_of_the_test_client_works(account: StaffAccount) -> None:
    client = Client()
    client.force_login(staff_user(account))

    assert client.get("/whoami/").content == b"Ada"


def test_who_asks_is_told_by_one_read(account: StaffAccount) -> None:
    client = Client()
    log_in(client)

    with metered() as meter:
        assert client.get("/whoami/").content == b"Ada"

    assert meter.round_trips == 1


def test_a_key_that_names_somebody_elses_account_opens_nothing(account: StaffAccount) -> None:
    boss = accounts.create(username="boss", password=PASSWORD, role="administrator")
    client = Client()
    log_in(client)
    own, _, rest = client.cookies["sessionid"].value.partition(".")
    assert own == account.account_id

    for forged in (f"{boss.account_id}.{rest}", rest, f".{rest}", f"{own}.", f"{own}.x.{rest}"):
        client.cookies["sessionid"] = forged
        assert client.get("/whoami/").content == b"AnonymousUser", forged
    client.cookies["sessionid"] = f"{own}.{rest}"
    accounts.set_active(account_id=own, active=False)
    assert client.get("/whoami/").content == b"AnonymousUser", "it counts at the next click"


def test_sessions_are_stored_under_a_hash_and_expire(account: StaffAccount) -> None:
    client = Client()
    log_in(client)
    key = client.cookies["sessionid"].value

    (row,) = SessionRow.scan()
    assert key not in row.pk
    assert SessionStore(key).load()

    with override_settings(SESSION_COOKIE_AGE=-1):
        session = SessionStore(key)
        session["x"] = 1
        session.save()
    assert SessionStore(key).load() == {}
    assert not SessionStore().exists(key)


def test_usernames_are_unique_whatever_their_case(account: StaffAccount) -> None:
    with pytest.raises(accounts.UsernameTakenError):
        accounts.create(username="ADA", password=PASSWORD, role="viewer")

    assert [found.username for found in accounts.listing(limit=10).rows] == ["Ada"]


def test_password_hashes_are_scrypt_and_not_in_listings(account: StaffAccount) -> None:
    row = AccountRow.get(f"staff#{account.account_id}")

    assert row.password_hash.startswith("scrypt$")
    assert accounts.listing(limit=10).rows[0].password_hash is None


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        ("viewer", "catalog:read", "catalog:write"),
        ("merchandiser", "catalog:write", "users:write"),
        ("operator", "jobs:run", "accounts:manage"),
        ("administrator", "accounts:manage", "no:such"),
    ],
)
def test_roles_are_permission_sets(role: str, allowed: str, refused: str) -> None:
    user = get_user_model()(account_id="x", username="x", role=role)

    assert user.has_perm(allowed)
    assert not user.has_perm(refused)
    user.is_active = False
    assert not user.has_perm(allowed)
