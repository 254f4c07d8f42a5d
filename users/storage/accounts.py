"""Staff accounts, and the counters that slow down guessing."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import and_
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from core.dynamodb.batch import Get
from core.dynamodb.conditions import held
from core.dynamodb.connection import connection
from core.dynamodb.sharded import LAST, NEXT
from core.pages import Page, page_of
from core.sessions import owner_row
from users.entities import StaffAccount
from users.models import AccountDirectory, AccountRow, LoginAttemptsRow, staff_key

_KIND = "staff"


def _guard_key(username: str) -> str:
    return f"username#{username.lower()}"


def _entity(row: AccountRow) -> StaffAccount:
    return StaffAccount(
        account_id=row.pk.removeprefix("staff#"),
        username=row.name,
        role=row.role,  # type: ignore[arg-type]  # checked when it was written
        created_at=row.created_at,
        is_active=bool(row.is_active),
        password_hash=row.password_hash,
    )


def insert(account: StaffAccount) -> bool:
    """Store a new account; return False when its username is taken, whatever its case."""
    row = AccountRow(
        staff_key(account.account_id),
        kind=_KIND,
        sort=f"{account.username.lower()}#{account.account_id}",
        name=account.username,
        role=account.role,
        is_active=account.is_active,
        password_hash=account.password_hash,
        created_at=account.created_at,
    )
    guard = AccountRow(_guard_key(account.username), account_id=account.account_id)

    def write() -> None:
        with TransactWrite(connection=connection()) as transaction:
            transaction.save(guard, condition=AccountRow.pk.does_not_exist())
            transaction.save(row, condition=AccountRow.pk.does_not_exist())

    return held(write, applied=lambda: load_by_username(account.username) == account)


def key_of(account_id: str) -> Get:
    """Return the key of an account's row."""
    return Get(AccountRow, staff_key(account_id))


def load(account_id: str) -> StaffAccount | None:
    """Return an account as it is stored at this moment, or None."""
    # Consistent, so that a deactivated account or a changed password counts at once.
    row = owner_row(key_of(account_id)) or AccountRow.load(staff_key(account_id), consistent=True)
    return _entity(row) if isinstance(row, AccountRow) else None


def load_by_username(username: str) -> StaffAccount | None:
    guard = AccountRow.load(_guard_key(username), consistent=True)
    return None if guard is None else load(str(guard.account_id))


def update(account_id: str, **fields: Any) -> bool:
    """Set attributes of an account; return False when there is no such account."""
    actions = [getattr(AccountRow, name).set(value) for name, value in fields.items()]
    row = AccountRow(staff_key(account_id))
    return held(lambda: row.update(actions=actions, condition=AccountRow.pk.exists()))


def listing(
    *,
    limit: int,
    position: Any = None,
    text: str = "",
    role: str | None = None,
    active: bool | None = None,
) -> Page[StaffAccount]:
    """Return accounts in order of username, which begins with a text; costs one query."""
    conditions: list[Condition] = []
    if role is not None:
        conditions.append(AccountRow.role == role)
    if active is not None:
        conditions.append(AccountRow.is_active == active)
    rows = directory(_KIND, text=text, passing=conditions, position=position, wanted=limit + 1)
    return page_of(rows, limit=limit, entity=_entity, position=lambda row: row.sort)


def directory(
    kind: str, *, text: str, passing: Sequence[Condition], position: str | None, wanted: int
) -> list[AccountRow]:
    """Return accounts or keys in order of name, after a position.

    In one query: there are never more than some hundreds.
    """
    beginning = text.lower()
    first = f"{position}{NEXT}" if position is not None else beginning or NEXT
    between = AccountDirectory.sort.between(first, beginning + LAST)
    condition = reduce(and_, passing) if passing else None
    return list(AccountRow.directory.query(kind, between, condition, limit=wanted))


def count_attempt(key: str, *, expires_at: datetime) -> int:
    """Add one login attempt to a counter and return its new value, atomically."""
    row = LoginAttemptsRow(key, "attempts")
    row.update(
        actions=[
            LoginAttemptsRow.attempts.add(1),
            LoginAttemptsRow.expires_at.set(expires_at.astimezone(UTC)),
        ]
    )
    return int(row.attempts)


def forget_attempts(key: str) -> None:
    LoginAttemptsRow(key, "attempts").delete()
