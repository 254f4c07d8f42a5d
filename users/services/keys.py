"""API keys: how programs prove who they are.

A key reads ``ab_<prefix>_<secret>``. The prefix finds its row; the secret is 256 random bits, of
which only the SHA-256 is stored. A slow hash would add nothing: it protects secrets that people
choose, by making each guess dear, but 2^256 values cannot be guessed at any price per guess, and
every request would pay for it.
"""

import hashlib
import hmac
import logging
import re
import secrets
import string
import time
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import msgspec

from core.dynamodb.errors import is_transient
from core.pages import Page
from core.validation import InvalidInputError, validate
from users.entities import ApiKey
from users.permissions import SCOPES
from users.storage import keys as storage
from users.storage.keys import StoredKey

logger = logging.getLogger(__name__)

# A revoked or rotated key may work for so long in processes that have just seen it.
CACHE_SECONDS = 30.0
_CACHE_SIZE = 256
_USE_NOTED = timedelta(minutes=10)
_PREFIX_LENGTH = 8
_ALPHABET = string.ascii_lowercase + string.digits
_FORM = re.compile(r"ab_(?P<prefix>[a-z0-9]{8})_(?P<secret>[A-Za-z0-9_-]{43})", re.ASCII)


class _Cache:
    """Keys by prefix for a short time. Unknown prefixes are not kept: they would push keys out."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: OrderedDict[str, tuple[float, StoredKey]] = OrderedDict()

    def load(self, prefix: str) -> StoredKey | None:
        now = time.monotonic()
        with self._lock:
            entry = self._entries.get(prefix)
        if entry is not None and entry[0] > now:
            return entry[1]
        found = storage.load(prefix)
        with self._lock:
            self._entries.pop(prefix, None)
            if found is not None:
                self._entries[prefix] = (now + CACHE_SECONDS, found)
            while len(self._entries) > _CACHE_SIZE:
                self._entries.popitem(last=False)
        return found

    def note_use(self, stored: StoredKey, at: datetime) -> None:
        """Remember when a key was used, for as long as the key is remembered."""
        used = replace(stored, key=msgspec.structs.replace(stored.key, last_used_at=at))
        with self._lock:
            entry = self._entries.get(stored.key.prefix)
            if entry is not None:
                self._entries[stored.key.prefix] = (entry[0], used)

    def forget(self, prefix: str) -> None:
        with self._lock:
            self._entries.pop(prefix, None)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


cache = _Cache()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def create(*, name: str, scopes: Collection[str], by: str) -> tuple[str, ApiKey]:
    """Create a key; return its text, which cannot be shown again, and the key.

    Raises
    ------
    InvalidInputError
        When the name is not acceptable, or a scope is unknown or there is none.
    """
    unknown = sorted(set(scopes).difference(SCOPES))
    if unknown or not scopes:
        problem = f"Unknown: {', '.join(unknown)}." if unknown else "Give at least one."
        raise InvalidInputError({"scopes": [f"{problem} There are: {', '.join(SCOPES)}."]})
    while True:
        key = validate(
            ApiKey,
            {
                "prefix": "".join(secrets.choice(_ALPHABET) for _ in range(_PREFIX_LENGTH)),
                "name": name,
                "scopes": list(scopes),
                "created_at": datetime.now(UTC),
                "created_by": by,
            },
        )
        secret = secrets.token_urlsafe(32)
        if storage.insert(key, secret_hash=_hash(secret)):
            return _text(key.prefix, secret), key


def _text(prefix: str, secret: str) -> str:
    return f"ab_{prefix}_{secret}"


def verify(text: str) -> ApiKey | None:
    """Return the key that a text proves, or None. Needs no round trip if seen within 30 s."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    stored = cache.load(match["prefix"])
    if stored is None or stored.key.revoked_at is not None:
        return None
    now = datetime.now(UTC)
    given = _hash(match["secret"])
    if not hmac.compare_digest(given, stored.secret_hash) and not _is_former(given, stored, now):
        return None
    _note_use(stored, now)
    return stored.key


def _is_former(given: str, stored: StoredKey, now: datetime) -> bool:
    until = stored.key.former_until
    if stored.former_hash is None or until is None or until <= now:
        return False
    return hmac.compare_digest(given, stored.former_hash)


def _note_use(stored: StoredKey, now: datetime) -> None:
    """Store that a key is in use: one write per key and ten minutes, however many processes."""
    long_ago = now - _USE_NOTED
    last = stored.key.last_used_at
    if last is not None and last > long_ago:
        return
    cache.note_use(stored, now)
    try:
        storage.note_use(stored.key.prefix, at=now, unless_since=long_ago)
    except Exception as error:
        # It only tells staff; no program should be refused for it.
        if not is_transient(error):
            raise
        logger.warning("the use of a key could not be noted: %s", type(error).__name__)


def revoke(*, prefix: str) -> bool:
    """End a key for good, everywhere within 30 s; False when there is no such key in use."""
    revoked = storage.revoke(prefix, at=datetime.now(UTC))
    cache.forget(prefix)
    return revoked


def rotate(*, prefix: str, grace: timedelta = timedelta()) -> tuple[str, ApiKey] | None:
    """Give a key a new secret; the old one ends after a time of grace, everywhere within 30 s.

    A secret before the old one ends at once. None where the key is revoked, unknown, or has just
    been given a new secret by somebody else.
    """
    stored = storage.load(prefix)
    if stored is None:
        return None
    secret = secrets.token_urlsafe(32)
    key = storage.replace_secret(
        prefix,
        secret_hash=_hash(secret),
        replaces=stored.secret_hash,
        former_until=datetime.now(UTC) + grace,
    )
    cache.forget(prefix)
    return None if key is None else (_text(prefix, secret), key)


def find(*, prefix: str) -> ApiKey | None:
    """Return the key with a prefix, a revoked one too."""
    found = storage.load(prefix)
    return None if found is None else found.key


def listing(
    *,
    limit: int,
    position: Any = None,
    text: str = "",
    revoked: bool | None = None,
    scope: str | None = None,
) -> Page[ApiKey]:
    """Return all keys in order of name, revoked ones too.

    Only those whose name begins with the text, that are revoked or not, and that have the scope.
    """
    return storage.listing(limit=limit, position=position, text=text, revoked=revoked, scope=scope)
