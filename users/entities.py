"""Customers of the shop, staff accounts and API keys, as frozen structs."""

from datetime import datetime
from typing import Annotated

import msgspec

from core.validation import Attributes, Id, Labels, Text
from users.permissions import Role, Scope

Email = Annotated[
    str,
    msgspec.Meta(
        min_length=3,
        max_length=254,
        pattern=r"^[^@\s\u0000-\u001f]+@[^@\s\u0000-\u001f]+$(?!\n)",
        examples=["ann@example.com"],
    ),
]
Username = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.@+_-]*$(?!\n)",
        description="Letters, digits and . @ + - _; case makes no difference.",
    ),
]
KeyName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\u0000-\u001f]+$(?!\n)")
]


class CustomerFields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer, but for the id."""

    email: Email | None = None
    name: Text | None = None
    labels: Labels = ()
    attributes: Attributes = {}


class Customer(CustomerFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer of the shop; never a member of the staff."""

    user_id: Id


class StaffAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may log in to the staff site."""

    account_id: str
    username: Username
    role: Role
    created_at: datetime
    is_active: bool = True
    # Absent in listings, which read an index that does not hold it.
    password_hash: str | None = None


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A program's key; only the hash of its secret is ever stored.

    Attributes
    ----------
    last_used_at
        When a program last proved it, to some minutes.
    former_until
        Until when the secret before the last rotation is good as well; not known in listings.
    """

    prefix: str
    name: KeyName
    scopes: frozenset[Scope]
    created_at: datetime
    created_by: str
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    former_until: datetime | None = None
