"""Recommendation ids: what an answer was for, signed, so that nothing has to be stored for it.

Layout of the bytes behind ``r_``, in base64url without padding::

    4 time in seconds | 6 random | 1 recommender | placement | 0 | variant | 16 signature
"""

import binascii
import hmac
import secrets as randomness
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

import msgspec

# An id holds a place in this list: only ever append to it.
RECOMMENDERS = (
    "personal",
    "similar",
    "bought_together",
    "session",
    "buy_again",
    "popular",
    "trending",
    "latest",
    "recently_viewed",
)
DIRECT = "direct"
LONGEST_PLACEMENT = 40
LONGEST_VARIANT = 20
NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]*$(?!\n)"

PlacementName = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=LONGEST_PLACEMENT,
        pattern=rf"^(?!{DIRECT}$){NAME_PATTERN.removeprefix('^')}",
        description="Lower-case letters, digits, `-` and `_`; up to 40 characters.",
        examples=["product-page"],
    ),
]
VariantName = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=LONGEST_VARIANT,
        pattern=NAME_PATTERN,
        description="Lower-case letters, digits, `-` and `_`; up to 20 characters.",
        examples=["control"],
    ),
]

_PREFIX = "r_"
_TIME_BYTES = 4
_RANDOM_BYTES = 6
_SIGNATURE_BYTES = 16
_HEAD = _TIME_BYTES + _RANDOM_BYTES
_LONGEST = 128
_PURPOSE = b"recommendation-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What an answer was for.

    Attributes
    ----------
    recommender
        One of `RECOMMENDERS`.
    placement
        Empty when the recommender was asked directly.
    variant
        Of the placement's experiment; empty without one.
    made_at
        When the answer was given, UTC, to the second.
    """

    recommender: str
    placement: str = ""
    variant: str = ""
    made_at: datetime


@lru_cache(maxsize=8)
def _signer(secret: str) -> hmac.HMAC:
    return hmac.new(secret.encode(), _PURPOSE, "sha256")


def _signature(payload: bytes, secret: str) -> bytes:
    # A copy of what has the key already costs less than setting up the key for each id.
    signer = _signer(secret).copy()
    signer.update(payload)
    return signer.digest()[:_SIGNATURE_BYTES]


def make_id(origin: Origin, *, secret: str) -> str:
    """Return a new recommendation id: unique, at most 128 characters, a valid id of an event.

    Raises
    ------
    ValueError
        For a recommender that is not known, and for names that are too long.
    """
    if len(origin.placement) > LONGEST_PLACEMENT or len(origin.variant) > LONGEST_VARIANT:
        message = "the name of the placement or of its variant is too long"
        raise ValueError(message)
    payload = b"".join(
        (
            int(origin.made_at.timestamp()).to_bytes(_TIME_BYTES, "big"),
            randomness.token_bytes(_RANDOM_BYTES),
            bytes([RECOMMENDERS.index(origin.recommender)]),
            f"{origin.placement}\0{origin.variant}".encode("ascii"),
        )
    )
    return _PREFIX + _encode(payload + _signature(payload, secret))


def read_id(text: str | None, *, secrets: Sequence[str]) -> Origin | None:
    """Return what an id says, or None for one that we did not make under any of ``secrets``."""
    raw = _decode(text)
    if raw is None:
        return None
    payload, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
    if not any(hmac.compare_digest(_signature(payload, key), signature) for key in secrets):
        return None
    code = payload[_HEAD]
    if code >= len(RECOMMENDERS):
        return None  # Made by a newer release, before it was rolled back.
    placement, _, variant = payload[_HEAD + 1 :].decode("ascii").partition("\0")
    return Origin(
        recommender=RECOMMENDERS[code],
        placement=placement,
        variant=variant,
        made_at=datetime.fromtimestamp(int.from_bytes(payload[:_TIME_BYTES], "big"), UTC),
    )


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str | None) -> bytes | None:
    if text is None or not text.startswith(_PREFIX) or len(text) > _LONGEST:
        return None
    body = text.removeprefix(_PREFIX)
    try:
        raw = urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except (binascii.Error, ValueError):
        return None
    # Python skips what is no base64: one answer must not go by several ids.
    if len(raw) <= _HEAD + _SIGNATURE_BYTES or _encode(raw) != body:
        return None
    return raw
