"""API keys: how programs prove who they are.

A key reads ``ab_<prefix>_<secret>``. The prefix finds its row; the secret is 256 random bits, of
which only the SHA-256 is stored. A slow hash would add nothing: it protects secrets that people
choose, by making each guess dear, but 2^256 values cannot be guessed at any price per guess, and
every request would pay for it.
"""

import hashlib
import hmac
import re
import secrets
import string
import time
from collections import OrderedDict
from collections.abc import Collection
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from core.pages import Page
from core.validation import InvalidInputError, validate
from users.entities import ApiKey
from users.permissions import SCOPES
from users.storage import keys as storage

# A revoked or rotated key may work for so long in processes that have just seen it.
CACHE_SECONDS = 30.0
_CACHE_SIZE = 256
_PREFIX_LENGTH = 8
_ALPHABET = string.ascii_lowercase + string.digits
_FORM = re.compile(r"ab_(?P<prefix>[a-z0-9]{8})_(?P<secret>[A-Za-z0-9_-]{43})", re.ASCII)


class _Cache:
    """Keys by prefix for a short time. Unknown prefixes are not kept: they would push keys out."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: OrderedDict[str, tuple[float, ApiKey, str]] = OrderedDict()

    def load(self, prefix: str) -> tuple[ApiKey, str] | None:
        now = time.monotonic()
        with self._lock:
            entry = self._entries.get(prefix)
        if entry is not None and entry[0] > now:
            return entry[1], entry[2]
        found = storage.load(prefix)
        with self._lock:
            self._entries.pop(prefix, None)
            if found is not None:
                self._entries[prefix] = (now + CACHE_SECONDS, *found)
            while len(self._entries) > _CACHE_SIZE:
                self._entries.popitem(last=False)
        return found

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
    found = cache.load(match["prefix"])
    if found is None:
        return None
    key, secret_hash = found
    if not hmac.compare_digest(_hash(match["secret"]), secret_hash) or key.revoked_at is not None:
        return None
    return key


def revoke(*, prefix: str) -> bool:
    """End a key for good, everywhere within 30 s; False when there is no such key in use."""
    revoked = storage.revoke(prefix, at=datetime.now(UTC))
    cache.forget(prefix)
    return revoked


def rotate(*, prefix: str) -> tuple[str, ApiKey] | None:
    """Give a key a new secret, which ends the old one everywhere within 30 s.

    To change keys without a gap, create a second key and revoke the first one later.
    """
    secret = secrets.token_urlsafe(32)
    key = storage.update(prefix, secret_hash=_hash(secret))
    cache.forget(prefix)
    return None if key is None else (_text(prefix, secret), key)


def find(*, prefix: str) -> ApiKey | None:
    """Return the key with a prefix, a revoked one too."""
    found = storage.load(prefix)
    return None if found is None else found[0]


def listing(*, limit: int, position: Any = None) -> Page[ApiKey]:
    """Return all keys in order of name, revoked ones too."""
    return storage.listing(limit=limit, position=position)
