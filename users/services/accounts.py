"""Staff accounts: who may log in to the staff site, and as what."""

import hashlib
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from core.pages import Page
from core.validation import InvalidInputError, validate
from users.entities import StaffAccount
from users.models import StaffUser
from users.permissions import Role
from users.storage import accounts as storage

# At most this many wrong passwords for one username in one window. The windows are fixed, so
# that one atomic counter is enough; across the border of two of them twice as many may fit.
# The price is that somebody can keep an account from logging in, for as long as they keep at it.
MAX_ATTEMPTS = 10
WINDOW_SECONDS = 15 * 60


class UsernameTakenError(Exception):
    """Another account has this username, perhaps in another case."""


def create(*, username: str, password: str, role: Role) -> StaffAccount:
    """Create a staff account.

    Raises
    ------
    InvalidInputError
        When the username, role or password is not acceptable.
    UsernameTakenError
        When the username is taken, whatever its case.
    """
    account = validate(
        StaffAccount,
        {
            "account_id": secrets.token_hex(8),
            "username": username,
            "role": role,
            "created_at": datetime.now(UTC),
            "password_hash": _hash(password, username=username),
        },
    )
    if not storage.insert(account):
        message = f"the username {username} is taken; choose another one"
        raise UsernameTakenError(message)
    return account


def _hash(password: str, *, username: str) -> str:
    try:
        validate_password(password, user=StaffUser(username=username))
    except ValidationError as error:
        raise InvalidInputError({"password": list(error.messages)}) from error
    return str(make_password(password))


def find(*, account_id: str) -> StaffAccount | None:
    return storage.load(account_id)


def find_by_username(*, username: str) -> StaffAccount | None:
    """Return the account with this username; case makes no difference."""
    return storage.load_by_username(username)


def listing(
    *,
    limit: int,
    position: Any = None,
    text: str = "",
    role: str | None = None,
    active: bool | None = None,
) -> Page[StaffAccount]:
    """Return accounts in order of username, without their password hashes.

    Only those whose username begins with the text, who have the role, and who may log in or not.
    """
    return storage.listing(limit=limit, position=position, text=text, role=role, active=active)


def set_role(*, account_id: str, role: Role) -> bool:
    """Change what an account may do, from its next request on; False when there is none."""
    return storage.update(account_id, role=validate(Role, role))  # type: ignore[arg-type]


def set_active(*, account_id: str, active: bool) -> bool:
    """Let an account log in or not; its sessions end at once. False when there is none."""
    return storage.update(account_id, is_active=active)


def set_password(*, account_id: str, password: str) -> bool:
    """Give an account a new password, which ends its sessions; False when there is none."""
    account = storage.load(account_id)
    if account is None:
        return False
    return storage.update(account_id, password_hash=_hash(password, username=account.username))


def may_try_login(*, username: str) -> bool:
    """Count a login attempt; tell whether it may go on to check the password.

    Counted before the check, so that guesses made in parallel do not pass; unknown usernames
    count alike, so that the answer does not tell which ones exist.
    """
    expires_at = datetime.now(UTC) + timedelta(seconds=2 * WINDOW_SECONDS)
    return storage.count_attempt(_attempts_key(username), expires_at=expires_at) <= MAX_ATTEMPTS


def login_succeeded(*, username: str) -> None:
    """Forget the failed attempts of this window."""
    storage.forget_attempts(_attempts_key(username))


def _attempts_key(username: str) -> str:
    # Hashed: what people type into this field may be a password, or of any length.
    digest = hashlib.sha256(username.lower().encode("utf-8", "surrogatepass")).hexdigest()
    return f"login#{digest}#{int(time.time()) // WINDOW_SECONDS}"
