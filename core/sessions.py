"""Sessions in DynamoDB, for Django's ``SESSION_ENGINE``.

Kept on the server, unlike signed cookies, so that a cookie copied before the logout is worth
nothing after it.

The key of a session of somebody who has logged in begins with the id of their account. So session
and account can be read in one round trip, before the session has told whose it is.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY as OWNER
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.utils.module_loading import import_string
from pynamodb.attributes import UnicodeAttribute

from core.dynamodb.batch import Get, read_batch
from core.dynamodb.conditions import save_if
from core.dynamodb.tables import OperationsRow, Table

_SEPARATOR = "."
# What was read beside a session: rows by their key, while somebody is being told apart.
_beside: ContextVar[dict[Get, Table | None] | None] = ContextVar("beside_session", default=None)


@contextmanager
def reading_the_owner() -> Iterator[None]:
    """Inside, a session that is read brings the row of its owner along, for `owner_row`."""
    token = _beside.set({})
    try:
        yield
    finally:
        _beside.reset(token)


def owner_row(get: Get) -> Table | None:
    """Return the row that a session has just brought along, or None where it brought none."""
    return (_beside.get() or {}).get(get)


class SessionRow(OperationsRow):
    """One session, under the hash of its key."""

    data = UnicodeAttribute(null=True)


def _pk(session_key: str) -> str:
    # Only the hash is stored: who can read the table cannot take a session over.
    return f"session#{hashlib.sha256(session_key.encode()).hexdigest()}"


def _is_fresh(row: SessionRow) -> bool:
    return not row.has_expired(now=time.time())


class SessionStore(SessionBase):
    """A session; one read when it is used, one write when it has changed."""

    def _row(self, session_key: str) -> SessionRow | None:
        # Consistent, so that what the last request stored is there, and a logout counts at once.
        row = SessionRow.load(_pk(session_key), "session", consistent=True)
        return row if row is not None and _is_fresh(row) else None

    def load(self) -> dict[str, Any]:
        row = self._row_and_owner(self.session_key) if self.session_key else None
        if row is None or row.data is None:
            self._session_key: str | None = None
            return {}
        data: dict[str, Any] = self.decode(row.data)
        return data

    def _row_and_owner(self, session_key: str) -> SessionRow | None:
        owner, separator, _ = session_key.partition(_SEPARATOR)
        rows = _beside.get()
        if rows is None or not separator or not owner:
            return self._row(session_key)
        beside: Get = import_string(settings.SESSION_OWNER)(owner)
        gets = [Get(SessionRow, _pk(session_key), "session"), beside]
        row, rows[beside] = read_batch(gets, consistent=True)
        return row if isinstance(row, SessionRow) and _is_fresh(row) else None

    def exists(self, session_key: str) -> bool:
        return self._row(session_key) is not None

    def create(self) -> None:
        while True:
            self._session_key = self._get_new_session_key()
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:  # Django's signature
        if self.session_key is None:
            self.create()
            return
        data = self._get_session(no_load=must_create)
        owner = data.get(OWNER, "")
        former: str | None = None
        if owner and not self.session_key.startswith(f"{owner}{_SEPARATOR}"):
            former, must_create = self.session_key, True
            self._session_key = f"{owner}{_SEPARATOR}{self._get_new_session_key()}"
        row = SessionRow(
            _pk(self.session_key),
            "session",
            data=self.encode(data),
            expires_at=self.get_expiry_date(),
        )
        condition = SessionRow.pk.does_not_exist() if must_create else SessionRow.pk.exists()
        if not save_if(row, condition):
            raise CreateError if must_create else UpdateError
        if former is not None:
            self.delete(former)

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            SessionRow(_pk(key), "session").delete()

    @classmethod
    def clear_expired(cls) -> None:
        """Do nothing: DynamoDB removes expired rows by itself."""
