"""API keys."""

from datetime import datetime
from typing import Any

from core.dynamodb.conditions import held, save_if
from core.pages import Page, page_of
from users.entities import ApiKey
from users.models import AccountDirectory, AccountRow

_KIND = "key"


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


def load(prefix: str) -> tuple[ApiKey, str] | None:
    """Return a key and the hash of its secret."""
    row = AccountRow.load(_pk(prefix))
    return None if row is None else (_entity(row), str(row.secret_hash))


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


def revoke(prefix: str, *, at: datetime) -> bool:
    return update(prefix, revoked_at=at) is not None


def listing(*, limit: int, position: Any = None) -> Page[ApiKey]:
    """Return keys in order of name; costs one query."""
    condition = AccountDirectory.sort > position if position is not None else None
    rows = list(AccountRow.directory.query(_KIND, condition, limit=limit + 1))
    return page_of(rows, limit=limit, entity=_entity, position=lambda row: row.sort)
