"""``manage.py createstaff`` makes accounts that can log in."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from users.backends import StaffBackend

pytestmark = pytest.mark.usefixtures("dynamodb")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("createstaff", *arguments, stdout=out)
    return out.getvalue()


def test_a_given_password_is_not_printed() -> None:
    output = run("--username=ada", "--password=correct horse battery", "--role=administrator")

    user = StaffBackend().authenticate(None, username="ada", password="correct horse battery")
    assert user is not None
    assert user.role == "administrator"
    assert "horse" not in output


def test_the_environment_can_give_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAFF_PASSWORD", "correct horse battery")

    assert "password" not in run("--username=ada")
    assert StaffBackend().authenticate(None, username="ada", password="correct horse battery")


def test_a_generated_password_is_printed_once_and_works() -> None:
    password = run("--username=ada").rsplit(" ", 1)[1].strip()

    assert StaffBackend().authenticate(None, username="ada", password=password)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--username=ada", "--password=short"], "too short"),
        (["--username=ada", "--password=passwordpassword1x", "--role=king"], "king"),
        (["--username=a b", "--password=correct horse battery"], "username"),
        (["--username=taken", "--password=correct horse battery"], "taken"),
    ],
)
def test_bad_input_is_one_clear_error(arguments: list[str], message: str) -> None:
    run("--username=Taken", "--password=correct horse battery")

    with pytest.raises(CommandError, match=message):
        run(*arguments)
