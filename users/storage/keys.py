"""API keys."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.expressions.operand import Path

from core.dynamodb.conditions import held, save_if
from core.pages import Page, page_of
from users.entities import ApiKey
from users.models import AccountRow
from users.storage.accounts import directory

_KIND = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key and the hashes of its secrets: the present one, and the one before it."""

    key: ApiKey
    secret_hash: str
    former_hash: str | None = None


def _pk(prefix: str) -> str:
    return f"key#{prefix}"


def _entity(row: AccountRow) -> ApiKey:
    return ApiKey(
        prefix=row.pk.removeprefix("key#"),
        name=str(row.name),
        scopes=frozenset(row.scopes or ()),
        created_at=row.created_at,
        created_by=str(row.created_by),
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
        former_until=row.former_until,
    )


def insert(key: ApiKey, *, secret_hash: str) -> bool:
    """Store a new key; return False when its prefix is in use."""
    row = AccountRow(
        _pk(key.prefix),
        kind=_KIND,
        sort=f"{key.name.lower()}#{key.prefix}",
        name=key.name,
        scopes=sorted(key.scopes),
        secret_hash=secret_hash,
        created_at=key.created_at,
        created_by=key.created_by,
    )
    return save_if(row, AccountRow.pk.does_not_exist())


def load(prefix: str) -> StoredKey | None:
    """Return a key and the hashes of its secrets."""
    row = AccountRow.load(_pk(prefix))
    if row is None:
        return None
    return StoredKey(
        key=_entity(row), secret_hash=str(row.secret_hash), former_hash=row.former_hash
    )


def update(prefix: str, **fields: Any) -> ApiKey | None:
    """Set attributes of a key that is not revoked; return None when there is none."""
    row = AccountRow(_pk(prefix))
    actions = [getattr(AccountRow, name).set(value) for name, value in fields.items()]
    usable = AccountRow.pk.exists() & AccountRow.revoked_at.does_not_exist()

    def applied() -> bool:
        row.refresh(consistent_read=True)
        return all(getattr(row, name) == value for name, value in fields.items())

    if held(lambda: row.update(actions=actions, condition=usable), applied=applied):
        return _entity(row)
    return None


def replace_secret(
    prefix: str, *, secret_hash: str, replaces: str, former_until: datetime
) -> ApiKey | None:
    """Give a key a new secret, and let the one it replaces be good until then.

    None when the key is revoked, or has another secret by now.
    """
    row = AccountRow(_pk(prefix))
    usable = (AccountRow.secret_hash == replaces) & AccountRow.revoked_at.does_not_exist()

    def applied() -> bool:
        row.refresh(consistent_read=True)
        return bool(row.secret_hash == secret_hash)

    def write() -> None:
        row.update(
            actions=[
                AccountRow.secret_hash.set(secret_hash),
                AccountRow.former_hash.set(replaces),
                AccountRow.former_until.set(former_until),
            ],
            condition=usable,
        )

    return _entity(row) if held(write, applied=applied) else None


def note_use(prefix: str, *, at: datetime, unless_since: datetime) -> None:
    """Store when a key was used, unless that is stored of a time not long ago."""
    row = AccountRow(_pk(prefix))
    stale = AccountRow.last_used_at.does_not_exist() | (AccountRow.last_used_at < unless_since)
    condition = AccountRow.pk.exists() & stale
    held(lambda: row.update(actions=[AccountRow.last_used_at.set(at)], condition=condition))


def revoke(prefix: str, *, at: datetime) -> bool:
    return update(prefix, revoked_at=at) is not None


def listing(
    *,
    limit: int,
    position: Any = None,
    text: str = "",
    revoked: bool | None = None,
    scope: str | None = None,
) -> Page[ApiKey]:
    """Return keys in order of name, of which the name begins with a text; costs one query."""
    attribute = AccountRow.revoked_at
    state = attribute.exists() if revoked else attribute.does_not_exist()
    # Scopes are stored as JSON.
    allowed = Path(AccountRow.scopes.attr_name).contains(f'"{scope}"')
    passing = [
        *([] if revoked is None else [state]),
        *([] if scope is None else [allowed]),
    ]
    rows = directory(_KIND, text=text, passing=passing, position=position, wanted=limit + 1)
    return page_of(rows, limit=limit, entity=_entity, position=lambda row: row.sort)
