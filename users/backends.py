"""Django's way to log staff in, with accounts in DynamoDB."""

from typing import Any

from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from users.entities import StaffAccount
from users.models import StaffUser
from users.services import accounts

_LONGEST_PASSWORD = 4096


def staff_user(account: StaffAccount) -> StaffUser:
    """Return an account in the form that Django's auth works with."""
    return StaffUser(
        account_id=account.account_id,
        username=account.username,
        role=account.role,
        is_active=account.is_active,
        password=account.password_hash or "",
    )


class StaffBackend:
    """Checks passwords and loads the user of a session."""

    def authenticate(
        self,
        request: HttpRequest | None,  # noqa: ARG002  # Django's signature
        username: str | None = None,
        password: str | None = None,
        **_: Any,
    ) -> StaffUser | None:
        if not username or not password or len(password) > _LONGEST_PASSWORD:
            return None
        if not accounts.may_try_login(username=username):
            return None
        account = accounts.find_by_username(username=username)
        if account is None:
            # Takes as long as a wrong password, so that time does not tell who exists.
            make_password(password)
            return None
        user = staff_user(account)
        if not user.check_password(password) or not user.is_active:
            return None
        accounts.login_succeeded(username=username)
        return user

    def get_user(self, user_id: str) -> StaffUser | None:
        account = accounts.find(account_id=user_id)
        if account is None or not account.is_active:
            return None
        return staff_user(account)
