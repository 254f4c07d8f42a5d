"""The tables of customers, staff accounts and API keys, and the shell that Django's auth needs.

Only `users.storage` reads and writes the tables.
"""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.password_validation import password_changed
from django.db import models
from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.indexes import (
    AllProjection,
    GlobalSecondaryIndex,
    IncludeProjection,
    KeysOnlyProjection,
)

from core.dynamodb.attributes import JSONAttribute
from core.dynamodb.tables import OperationsRow, Table, TableMeta, table_name
from users.permissions import ROLE_PERMISSIONS


class CustomerDirectory(GlobalSecondaryIndex["CustomerRow"]):
    """All customers in order of id, spread over shards: listing and search by id."""

    class Meta:
        index_name = "directory"
        projection = AllProjection()

    shard = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute(range_key=True)


class CustomerRow(Table):
    """A customer of the shop."""

    class Meta(TableMeta):
        table_name = table_name("users")

    user_id = UnicodeAttribute(hash_key=True)
    shard = UnicodeAttribute()
    email = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    labels = JSONAttribute(null=True)
    attributes = JSONAttribute(null=True)

    directory = CustomerDirectory()


class CustomersByTerm(GlobalSecondaryIndex["CustomerTermRow"]):
    """What customers are searched by, in order: those whose terms begin alike stand together."""

    class Meta:
        index_name = "by_term"
        projection = KeysOnlyProjection()

    stem = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)


class CustomerTermRow(Table):
    """A customer's id, e-mail address or one of the labels, to be searched by.

    Kept by customer, so that an erasure finds every one, also those of an address of before.
    """

    class Meta(TableMeta):
        table_name = table_name("user_terms")

    user_id = UnicodeAttribute(hash_key=True)
    term = UnicodeAttribute(range_key=True)
    stem = UnicodeAttribute()
    entry = UnicodeAttribute()

    by_term = CustomersByTerm()


class AccountDirectory(GlobalSecondaryIndex["AccountRow"]):
    """Staff accounts and API keys by kind and name, without their hashes."""

    class Meta:
        index_name = "directory"
        projection = IncludeProjection(
            [
                "name",
                "role",
                "is_active",
                "scopes",
                "created_at",
                "created_by",
                "revoked_at",
                "last_used_at",
            ]
        )

    kind = UnicodeAttribute(hash_key=True)
    sort = UnicodeAttribute(range_key=True)


class AccountRow(Table):
    """A staff account, the guard of its username, or an API key, told apart by ``pk``."""

    class Meta(TableMeta):
        table_name = table_name("accounts")

    pk = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(null=True)
    sort = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    account_id = UnicodeAttribute(null=True)
    role = UnicodeAttribute(null=True)
    is_active = BooleanAttribute(null=True)
    password_hash = UnicodeAttribute(null=True)
    scopes = JSONAttribute(null=True)
    secret_hash = UnicodeAttribute(null=True)
    created_at = UTCDateTimeAttribute(null=True)
    created_by = UnicodeAttribute(null=True)
    revoked_at = UTCDateTimeAttribute(null=True)
    last_used_at = UTCDateTimeAttribute(null=True)
    # The secret before the last rotation, and until when it is good as well.
    former_hash = UnicodeAttribute(null=True)
    former_until = UTCDateTimeAttribute(null=True)

    directory = AccountDirectory()


class LoginAttemptsRow(OperationsRow):
    """How often a login has been tried within one window of time."""

    attempts = NumberAttribute(null=True)


def staff_key(account_id: str) -> str:
    """Return the key of a staff account's row."""
    return f"staff#{account_id}"


class StaffUser(AbstractBaseUser):
    """A staff account as Django's auth, admin and sessions expect a user to be.

    Django reads this class's metadata and calls its methods; it is never stored through the
    ORM, which has no database here.
    """

    account_id = models.CharField(max_length=32, primary_key=True)
    username = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=16)
    is_active = models.BooleanField(default=True)
    # Django would write it at every login otherwise.
    last_login = None
    _password: str | None = None

    USERNAME_FIELD = "username"

    class Meta:
        managed = False
        verbose_name = "staff account"

    @property
    def is_staff(self) -> bool:
        return bool(self.is_active)

    @property
    def is_superuser(self) -> bool:
        return self.role == "administrator"

    def has_perm(self, perm: str, obj: object = None) -> bool:  # noqa: ARG002  # Django's signature
        return bool(self.is_active) and perm in ROLE_PERMISSIONS.get(self.role, frozenset())

    def has_perms(self, perm_list: list[str], obj: object = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:  # noqa: ARG002  # Django's signature
        return bool(self.is_active)

    def save(self, **_: Any) -> None:
        """Store the password: nothing else is changed through Django's own forms."""
        AccountRow(staff_key(self.account_id)).update(
            actions=[AccountRow.password_hash.set(self.password)],
            condition=AccountRow.pk.exists(),
        )
        chosen, self._password = self._password, None
        if chosen is not None:
            password_changed(chosen, self)
