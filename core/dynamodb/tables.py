"""The base of all tables, their registry, and how they are created and deleted.

A table is declared once, as a PynamoDB model; `definition` derives from it what DynamoDB's
CreateTable and a CloudFormation template need, so the two cannot disagree.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

from botocore.exceptions import ClientError
from django.conf import settings
from pynamodb.attributes import TTLAttribute, UnicodeAttribute
from pynamodb.connection import TableConnection
from pynamodb.connection.base import MetaTable
from pynamodb.constants import PAY_PER_REQUEST_BILLING_MODE
from pynamodb.models import Model

from core.dynamodb.connection import call, connection
from core.dynamodb.errors import RowTooLargeError

MAX_ROW_BYTES = 400 * 1024
_SETTLE_SECONDS = 120.0


def table_name(name: str) -> str:
    """Return the full name of a table: the deployment's prefix and the short name."""
    return f"{settings.DYNAMODB['TABLE_PREFIX']}{name}"


class TableMeta:
    """What every table's ``class Meta`` starts from."""

    table_name: str
    billing_mode = PAY_PER_REQUEST_BILLING_MODE
    stream_view_type: str | None = None


class Table(Model):
    """Base class of all tables: registered by name, on the one shared connection.

    Several classes may describe rows of different kinds in one table; the first one declared
    with a ``Meta`` of its own defines the table.
    """

    _registry: ClassVar[dict[str, type["Table"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "Meta" in vars(cls):
            Table._registry.setdefault(cls.Meta.table_name, cls)

    @classmethod
    def _get_connection(cls) -> TableConnection:
        name = cls.Meta.table_name
        shared = connection()
        if name not in shared._tables:
            owner = Table._registry[name]
            schema = definition(owner)
            shared.add_meta_table(MetaTable({**schema, "TableName": name}))
        known = cls.__dict__.get("_connection")
        if known is None or known.connection is not shared:
            known = cls._connection = TableConnection(name)
            known.connection = shared
        return cast("TableConnection", known)

    def serialize(
        self, null_check: bool = True
    ) -> dict[str, dict[str, Any]]:  # PynamoDB's signature
        """Return the row in DynamoDB's wire form.

        Raises
        ------
        RowTooLargeError
            When it would pass 400 KB.
        """
        attributes = super().serialize(null_check)
        size = sum(len(name) + _size(value) for name, value in attributes.items())
        if size > MAX_ROW_BYTES:
            message = (
                f"this is {size // 1024} KB of data; a row may have {MAX_ROW_BYTES // 1024} KB"
            )
            raise RowTooLargeError(message)
        return attributes

    @classmethod
    def key(cls, hash_key: str, range_key: str | None = None) -> dict[str, dict[str, str]]:
        """Return a primary key in DynamoDB's wire form."""
        values = [hash_key] if range_key is None else [hash_key, range_key]
        return {name: {"S": value} for name, value in zip(cls.key_names(), values, strict=True)}

    @classmethod
    def key_names(cls) -> tuple[str, ...]:
        """Return the names of the hash key and, if there is one, of the range key."""
        attributes = cls.get_attributes()
        names = (cls._hash_keyname, cls._range_keyname)
        return tuple(attributes[name].attr_name for name in names if name is not None)

    @classmethod
    def load(
        cls, hash_key: str, range_key: str | None = None, *, consistent: bool = False
    ) -> Self | None:
        """Read one row, or return None."""
        try:
            return cls.get(hash_key, range_key, consistent_read=consistent)
        except cls.DoesNotExist:
            return None


def _size(value: dict[str, Any]) -> int:
    """Return the bytes that an attribute's value counts for."""
    content = next(iter(value.values()))
    if isinstance(content, str):
        return len(content) if content.isascii() else len(content.encode())
    if isinstance(content, bytes):
        return len(content)
    if isinstance(content, list):
        return sum(_size({"": part}) for part in content)
    return 1


class OperationsRow(Table):
    """A row of the table that holds everything operational: jobs, versions, sessions, locks.

    Each kind of row is a subclass with its own attributes and its own ``pk``.
    """

    class Meta(TableMeta):
        table_name = table_name("operations")

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    expires_at = TTLAttribute(null=True)

    def has_expired(self, *, now: float) -> bool:
        """Tell whether the row is past its time; DynamoDB may take days to remove it."""
        return self.expires_at is not None and self.expires_at.timestamp() <= now


def registered() -> dict[str, type[Table]]:
    """Return all tables by full name, in order of name."""
    return dict(sorted(Table._registry.items()))


def has_indexes(name: str) -> bool:
    """Tell whether a table, by its full name, has secondary indexes."""
    return bool(registered()[name]._indexes)


def definition(model: type[Table]) -> dict[str, Any]:
    """Return a table's definition, in the shape that CreateTable and CloudFormation share."""
    attributes = dict.fromkeys(model.key_names(), "S")
    key_schema = [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(model.key_names(), ("HASH", "RANGE"), strict=False)
    ]
    indexes: list[dict[str, Any]] = []
    for name, index in sorted(model._indexes.items()):
        schema: list[dict[str, str]] = []
        for attribute in index.Meta.attributes.values():
            if attribute.is_hash_key or attribute.is_range_key:
                attributes[attribute.attr_name] = attribute.attr_type
                kind = "HASH" if attribute.is_hash_key else "RANGE"
                schema.append({"AttributeName": attribute.attr_name, "KeyType": kind})
        projection = index.Meta.projection
        shape: dict[str, Any] = {"ProjectionType": projection.projection_type}
        if projection.non_key_attributes:
            shape["NonKeyAttributes"] = list(projection.non_key_attributes)
        indexes.append(
            {
                "IndexName": name,
                "KeySchema": sorted(schema, key=lambda part: part["KeyType"]),
                "Projection": shape,
            }
        )
    result: dict[str, Any] = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in sorted(attributes.items())
        ],
        "KeySchema": key_schema,
        "BillingMode": model.Meta.billing_mode,
    }
    if indexes:
        result["GlobalSecondaryIndexes"] = indexes
    if model.Meta.stream_view_type:
        result["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": model.Meta.stream_view_type,
        }
    return result


def ttl_attribute(model: type[Table]) -> str | None:
    """Return the name of the attribute that holds a row's time to live."""
    for attribute in model.get_attributes().values():
        if isinstance(attribute, TTLAttribute):
            return str(attribute.attr_name)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStatus:
    """The state of one table as DynamoDB reports it; ``rows`` is updated by it every 6 hours."""

    name: str
    state: str
    rows: int = 0
    ttl: str | None = None
    stream: str | None = None
    point_in_time_recovery: bool = False
    deletion_protection: bool = False


def _describe(name: str) -> dict[str, Any] | None:
    try:
        answer = connection().client.describe_table(TableName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    return cast("dict[str, Any]", answer["Table"])


def _wait_until_active(name: str) -> None:
    deadline = time.monotonic() + _SETTLE_SECONDS
    pause = 0.02
    while time.monotonic() < deadline:
        table = _describe(name)
        if table is not None and table["TableStatus"] == "ACTIVE":
            return
        time.sleep(pause)
        pause = min(pause * 2, 2.0)
    message = f"table {name} is still not active after {_SETTLE_SECONDS:.0f} s; look at it in AWS"
    raise TimeoutError(message)


def create_all() -> Iterator[tuple[str, bool]]:
    """Create the tables that are missing and set their options; yield (name, was created).

    May be run again at any time: what exists is left alone, and what is set is not set again.
    """
    client = connection().client
    protect = bool(settings.DYNAMODB["DELETION_PROTECTION"])
    for name, model in registered().items():
        created = False
        if _describe(name) is None:
            client.create_table(
                TableName=name, DeletionProtectionEnabled=protect, **definition(model)
            )
            created = True
        _wait_until_active(name)
        _set_options(name, model, protect=protect)
        yield name, created


def _set_options(name: str, model: type[Table], *, protect: bool) -> None:
    client = connection().client
    found = status(name)
    wanted_ttl = ttl_attribute(model)
    if wanted_ttl and found.ttl != wanted_ttl:
        client.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": wanted_ttl},
        )
    if not found.point_in_time_recovery:
        client.update_continuous_backups(
            TableName=name,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )
    if found.deletion_protection != protect:
        client.update_table(TableName=name, DeletionProtectionEnabled=protect)
    if model.Meta.stream_view_type and not found.stream:
        client.update_table(
            TableName=name,
            StreamSpecification={
                "StreamEnabled": True,
                "StreamViewType": model.Meta.stream_view_type,
            },
        )


def status(name: str) -> TableStatus:
    """Return the state of a table; its state is ``MISSING`` when there is none."""
    table = _describe(name)
    if table is None:
        return TableStatus(name=name, state="MISSING")
    client = connection().client
    ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    on = ttl.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
    return TableStatus(
        name=name,
        state=table["TableStatus"],
        rows=table.get("ItemCount", 0),
        ttl=ttl.get("AttributeName") if on else None,
        stream=table.get("LatestStreamArn"),
        point_in_time_recovery=recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
        deletion_protection=bool(table.get("DeletionProtectionEnabled")),
    )


def delete_all() -> Iterator[str]:
    """Delete all tables that exist; yield each name.

    Raises
    ------
    PermissionError
        When a table is protected from deletion; nothing has been deleted then.
    """
    existing = [name for name in registered() if _describe(name) is not None]
    protected = [name for name in existing if status(name).deletion_protection]
    if protected:
        message = (
            f"{', '.join(protected)}: protected from deletion; "
            "switch DeletionProtectionEnabled off in AWS first if you mean it"
        )
        raise PermissionError(message)
    for name in existing:
        call("DeleteTable", TableName=name)
        yield name
