"""Sessions in DynamoDB, for Django's ``SESSION_ENGINE``.

Kept on the server, unlike signed cookies, so that a cookie copied before the logout is worth
nothing after it.
"""

import hashlib
import time
from typing import Any

from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from pynamodb.attributes import UnicodeAttribute

from core.dynamodb.conditions import save_if
from core.dynamodb.tables import OperationsRow


class SessionRow(OperationsRow):
    """One session, under the hash of its key."""

    data = UnicodeAttribute(null=True)


def _pk(session_key: str) -> str:
    # Only the hash is stored: who can read the table cannot take a session over.
    return f"session#{hashlib.sha256(session_key.encode()).hexdigest()}"


class SessionStore(SessionBase):
    """A session; one read when it is used, one write when it has changed."""

    def _row(self, session_key: str) -> SessionRow | None:
        # Consistent, so that what the last request stored is there, and a logout counts at once.
        row = SessionRow.load(_pk(session_key), "session", consistent=True)
        if row is None or row.has_expired(now=time.time()):
            return None
        return row

    def load(self) -> dict[str, Any]:
        row = self._row(self.session_key) if self.session_key else None
        if row is None or row.data is None:
            self._session_key = None
            return {}
        data: dict[str, Any] = self.decode(row.data)
        return data

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
        row = SessionRow(
            _pk(self.session_key),
            "session",
            data=self.encode(data),
            expires_at=self.get_expiry_date(),
        )
        condition = SessionRow.pk.does_not_exist() if must_create else SessionRow.pk.exists()
        if not save_if(row, condition):
            raise CreateError if must_create else UpdateError

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            SessionRow(_pk(key), "session").delete()

    @classmethod
    def clear_expired(cls) -> None:
        """Do nothing: DynamoDB removes expired rows by itself."""
